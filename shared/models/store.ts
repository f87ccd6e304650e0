/**
 * Finds model files. Every file is named by a manifest (manifests/*.json) with its source, licence and checksum, and is
 * either inside an npm package that is installed, inside this repository, or pulled into the models folder.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { CinedexError } from '../contracts/errors.ts';
import { formatZodError } from '../contracts/zod.ts';

export const PROFILES = ['bundled', 'standard', 'chinese'] as const;
export const Profile = z.enum(PROFILES);
export type Profile = z.infer<typeof Profile>;

export const ModelFile = z.object({
  /** Name by which code asks for the file. */
  name: z.string(),
  /** Null where the publisher may replace the file under the same address (then only its size is checked). */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  bytes: z.number().int().positive().nullable(),
  from: z.discriminatedUnion('kind', [
    /** In an installed npm package. */
    z.object({ kind: z.literal('package'), package: z.string(), path: z.string() }),
    /** In the tarball of an npm package that is not installed: `name@version`, and the path inside it. */
    z.object({ kind: z.literal('tarball'), package: z.string(), path: z.string() }),
    /** In this repository, relative to shared/models. */
    z.object({ kind: z.literal('repository'), path: z.string() }),
    /** On the Hugging Face hub. */
    z.object({ kind: z.literal('hub'), repo: z.string(), revision: z.string(), path: z.string() }),
  ]),
});
export type ModelFile = z.infer<typeof ModelFile>;

export const ModelManifest = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  version: z.string(),
  task: z.string(),
  profiles: z.array(Profile).min(1),
  licence: z.string(),
  /** Who made the weights, and how they came here. */
  provenance: z.string(),
  dimensions: z.number().int().positive().nullable(),
  preprocessing: z.string(),
  files: z.array(ModelFile).min(1),
});
export type ModelManifest = z.infer<typeof ModelManifest>;

const require = createRequire(import.meta.url);
const HERE = path.dirname(fileURLToPath(import.meta.url));

/** All manifests of this repository, by id. */
export function loadManifests(folder = path.join(HERE, 'manifests')): Map<string, ModelManifest> {
  const manifests = new Map<string, ModelManifest>();
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()) {
    const parsed = ModelManifest.safeParse(JSON.parse(readFileSync(path.join(folder, file), 'utf8')));
    if (!parsed.success) {
      throw new CinedexError('CONFIG_INVALID', `Model manifest ${file}: ${formatZodError(parsed.error)}`);
    }
    manifests.set(parsed.data.id, parsed.data);
  }
  return manifests;
}

/** Folder of an installed package, also of one whose `exports` hide its package.json. */
export function packageFolder(name: string): string | undefined {
  for (const base of require.resolve.paths(name) ?? []) {
    const folder = path.join(base, name);
    if (existsSync(path.join(folder, 'package.json'))) return folder;
  }
  return undefined;
}

export class ModelStore {
  readonly manifests: Map<string, ModelManifest>;
  /** Where pulled files lie: `<folder>/<id>/<version>/<name>`. */
  readonly folder: string;

  constructor(folder: string, manifests = loadManifests()) {
    this.folder = folder;
    this.manifests = manifests;
  }

  manifest(id: string): ModelManifest {
    const manifest = this.manifests.get(id);
    if (!manifest) throw new CinedexError('MODEL_MISSING', `No manifest describes a model "${id}".`);
    return manifest;
  }

  /** `id@version`: what stage keys and index generations are made of. */
  version(id: string): string {
    return `${id}@${this.manifest(id).version}`;
  }

  /** Where the file lies or would lie, whether or not it is there. */
  locate(id: string, name: string): string {
    const manifest = this.manifest(id);
    const file = manifest.files.find((candidate) => candidate.name === name);
    if (!file) throw new CinedexError('MODEL_MISSING', `Model "${id}" has no file "${name}".`);
    const { from } = file;
    if (from.kind === 'package') {
      const folder = packageFolder(from.package);
      if (!folder) {
        throw new CinedexError(
          'DEPENDENCY_MISSING',
          `The npm package ${from.package} (model "${id}") is not installed.`,
        );
      }
      return path.join(folder, from.path);
    }
    if (from.kind === 'repository') return path.join(HERE, from.path);
    return path.join(this.folder, id, manifest.version, file.name);
  }

  /** Path of a file that is there. @throws CinedexError MODEL_MISSING, naming the command that fetches it */
  file(id: string, name: string): string {
    const location = this.locate(id, name);
    if (!existsSync(location)) {
      throw new CinedexError(
        'MODEL_MISSING',
        `Model "${id}" is not here yet: run \`cinedex models pull ${id}\`.`,
      );
    }
    const expected = this.manifest(id).files.find((file) => file.name === name)?.bytes;
    if (expected && statSync(location).size !== expected) {
      throw new CinedexError('MODEL_CORRUPT', `${name} of model "${id}" has the wrong size.`);
    }
    return location;
  }

  /** Folder of a pulled model, for loaders that read several files by convention. */
  modelFolder(id: string): string {
    const manifest = this.manifest(id);
    for (const file of manifest.files) this.file(id, file.name);
    return path.join(this.folder, id, manifest.version);
  }

  has(id: string): boolean {
    return this.manifest(id).files.every((file) => existsSync(this.locate(id, file.name)));
  }
}

/** Lower-case hexadecimal SHA-256 of a file, read as a stream. */
export async function sha256File(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
