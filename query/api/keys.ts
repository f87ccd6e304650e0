/**
 * API keys: a file of hashes, read anew when it changes, so that a key that is revoked is refused at once. A key holds 256
 * random bits, so a plain SHA-256 keeps it: there is nothing to guess.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { TenantId } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';

export const SCOPES = ['search', 'ingest', 'admin'] as const;
export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

const KeyRecord = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string().min(1).max(200),
  tenant: TenantId,
  /** `admin` includes the others. */
  scopes: z.array(Scope).min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
  revokedAt: z.iso.datetime().nullable(),
});
export type KeyRecord = z.infer<typeof KeyRecord>;
const KeyFile = z.strictObject({ version: z.literal(1), keys: z.array(KeyRecord) });

const KEY = /^cdx_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Missing: null. @throws CinedexError CONFIG_INVALID when it is no file of keys */
async function readKeys(file: string): Promise<KeyRecord[] | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new CinedexError('CONFIG_INVALID', `The file of API keys ${file} cannot be read.`, {
      cause: error,
    });
  }
  try {
    const parsed = KeyFile.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data.keys;
    throw new CinedexError('CONFIG_INVALID', `${file}: ${formatZodError(parsed.error)}`);
  } catch (error) {
    if (error instanceof CinedexError) throw error;
    throw new CinedexError('CONFIG_INVALID', `The file of API keys ${file} is not JSON.`, { cause: error });
  }
}

/** A change that was cut short leaves its file behind; nobody takes so long, ms. */
const ABANDONED_MS = 60_000;

/**
 * Replaces the keys by what `change` makes of them: whole or not at all, for nobody else to read, and one change at a time.
 * @throws CinedexError DATA_LOCKED while somebody else changes them
 */
async function changeKeys(file: string, change: (keys: KeyRecord[]) => KeyRecord[]): Promise<void> {
  const next = `${file}.next`;
  await mkdir(path.dirname(file), { recursive: true });
  const abandoned = await stat(next).then(({ mtimeMs }) => Date.now() - mtimeMs > ABANDONED_MS, isMissing);
  if (abandoned) await rm(next, { force: true });
  const handle = await open(next, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new CinedexError('DATA_LOCKED', `Somebody else is changing ${file}; try again.`, { cause: error });
  });
  try {
    const keys = change((await readKeys(file)) ?? []);
    await handle.writeFile(`${JSON.stringify({ version: 1, keys }, null, 2)}\n`);
    await handle.sync();
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

/** @throws the error, unless it says that there is no such file */
function isMissing(error: NodeJS.ErrnoException): false {
  if (error.code === 'ENOENT') return false;
  throw error;
}

/** Those that are known, revoked ones too. @throws CinedexError CONFIG_INVALID */
export async function listKeys(file: string): Promise<KeyRecord[]> {
  return (await readKeys(file)) ?? [];
}

/**
 * @returns the key itself, which is stored nowhere, and what is stored of it
 * @throws CinedexError CONFIG_INVALID, DATA_LOCKED
 */
export async function createKey(
  file: string,
  { tenant, scopes, name }: Pick<KeyRecord, 'tenant' | 'scopes' | 'name'>,
  now: () => number = Date.now,
): Promise<{ key: string; record: KeyRecord }> {
  const id = randomBytes(6).toString('hex');
  const key = `cdx_${id}_${randomBytes(32).toString('base64url')}`;
  const record = KeyRecord.parse({
    ...{ id, name, tenant, scopes, revokedAt: null },
    sha256: digest(key).toString('hex'),
    createdAt: new Date(now()).toISOString(),
  });
  await changeKeys(file, (keys) => [...keys, record]);
  return { key, record };
}

/** @throws CinedexError NOT_FOUND, CONFIG_INVALID, DATA_LOCKED */
export async function revokeKey(file: string, id: string, now: () => number = Date.now): Promise<KeyRecord> {
  let revoked: KeyRecord | undefined;
  await changeKeys(file, (keys) =>
    keys.map((each) => {
      if (each.id !== id) return each;
      revoked = { ...each, revokedAt: each.revokedAt ?? new Date(now()).toISOString() };
      return revoked;
    }),
  );
  if (!revoked) throw new CinedexError('NOT_FOUND', `There is no key ${id}.`);
  return revoked;
}

/** The keys as they are in the file at this moment. */
export class KeyRing {
  readonly #file: string;
  #state = '';
  #keys: Map<string, KeyRecord> | null = null;
  /** Once there was a file, its loss must not open the doors. */
  #closed = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** Whether there never was a file of keys. @throws CinedexError CONFIG_INVALID */
  async isAbsent(): Promise<boolean> {
    await this.#refresh();
    return !this.#closed;
  }

  /** The record of a key that may be used; compared in a time that tells nothing. @throws CinedexError CONFIG_INVALID */
  async find(key: string): Promise<KeyRecord | null> {
    const known = await this.byId(KEY.exec(key)?.[1] ?? '');
    const same = timingSafeEqual(digest(key), Buffer.from(known?.sha256 ?? '0'.repeat(64), 'hex'));
    return known && same ? known : null;
  }

  async byId(id: string): Promise<KeyRecord | null> {
    await this.#refresh();
    const known = this.#keys?.get(id);
    return known && known.revokedAt === null ? known : null;
  }

  async #refresh(): Promise<void> {
    const state = await stateOf(this.#file);
    if (state === this.#state) return;
    const keys = await readKeys(this.#file);
    if (keys) this.#closed = true;
    this.#keys = keys && new Map(keys.map((key) => [key.id, key]));
    this.#state = state;
  }
}

async function stateOf(file: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(file, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
