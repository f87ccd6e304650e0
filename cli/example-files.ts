/** Files that somebody searches with. */
import { open } from 'node:fs/promises';
import { LARGEST_PICTURE_BYTES } from '../query/examples/pictures.ts';
import { LARGEST_SOUND_BYTES } from '../query/examples/sounds.ts';
import { CinedexError } from '../shared/contracts/errors.ts';

const LARGEST = { picture: LARGEST_PICTURE_BYTES, face: LARGEST_PICTURE_BYTES, sound: LARGEST_SOUND_BYTES };
type Kind = keyof typeof LARGEST;

/** Absolute paths. */
export type ExampleFiles = Partial<Record<Kind, string>>;

/** @throws CinedexError NOT_FOUND; MEDIA_LIMIT, before anything too large is read */
export async function readExamples(files: ExampleFiles): Promise<Partial<Record<Kind, Uint8Array>>> {
  const kinds = (Object.keys(LARGEST) as Kind[]).filter((kind) => files[kind] !== undefined);
  const read = await Promise.all(
    kinds.map(async (kind) => [kind, await readWithin(files[kind]!, LARGEST[kind])] as const),
  );
  return Object.fromEntries(read);
}

async function readWithin(file: string, most: number): Promise<Uint8Array> {
  try {
    await using handle = await open(file, 'r');
    const stat = await handle.stat();
    if (!stat.isFile()) throw new CinedexError('NOT_FOUND', `${file} is no file.`);
    if (stat.size > most) {
      throw new CinedexError(
        'MEDIA_LIMIT',
        `${file} has ${stat.size} bytes; at most ${most} are asked with.`,
      );
    }
    return await handle.readFile();
  } catch (cause) {
    if (cause instanceof CinedexError) throw cause;
    throw new CinedexError('NOT_FOUND', `The file ${file} cannot be read.`, { cause });
  }
}
