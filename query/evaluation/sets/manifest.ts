/** Folders of labelled media tell in manifest.json what is in their files. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { formatZodError } from '../../../shared/contracts/zod.ts';

/**
 * Entries of those files whose name matches.
 * @throws CinedexError NOT_FOUND without a manifest there, USAGE for another form or when none match
 */
export async function readManifest<T extends { file: string }>(
  folder: string,
  entry: z.ZodType<T>,
  wanted: RegExp,
): Promise<{ text: string; files: T[] }> {
  const text = await readFile(path.join(folder, 'manifest.json'), 'utf8').catch((cause: unknown) => {
    throw new CinedexError('NOT_FOUND', `There is no manifest.json in ${folder}.`, { cause });
  });
  const { files } = parse(z.object({ files: z.array(z.looseObject({ file: z.string() })) }), text);
  const own = files.filter(({ file }) => wanted.test(file));
  if (own.length === 0) throw new CinedexError('USAGE', `manifest.json in ${folder} names no such media.`);
  return { text, files: parse(z.array(entry), JSON.stringify(own)) };
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CinedexError('USAGE', 'manifest.json is no JSON.', { cause });
  }
  const checked = schema.safeParse(value);
  if (!checked.success) throw new CinedexError('USAGE', `manifest.json: ${formatZodError(checked.error)}`);
  return checked.data;
}
