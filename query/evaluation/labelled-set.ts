/** Questions with their right answers: our file format, and how it is read. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';

const LabelledQuery = z.strictObject({
  text: z.string().min(1),
  /** What is asked for, to break the results down: `seen`, `shown`, `said`, `title`, … */
  kind: z.string().min(1),
  language: z.enum(['en', 'zh', 'und']),
  /** Grades of the videos that were judged, relevant ones from 1; of others it is taken that they are not relevant. */
  relevant: z
    .record(z.string(), z.number().int().nonnegative())
    .refine((grades) => Object.values(grades).some((grade) => grade > 0), 'names no relevant video'),
  /** Where in them the answer is, as far as that is known. */
  moments: z
    .array(z.strictObject({ video: z.string(), startSec: z.number(), endSec: z.number() }))
    .default([]),
});
export type LabelledQuery = z.infer<typeof LabelledQuery>;

export interface LabelledSet {
  name: string;
  /** sha256 of what the labels were read from. */
  checksum: string;
  queries: LabelledQuery[];
  /** Names in `relevant` are file names of videos, or ids. */
  names: 'file' | 'id';
}

const LabelledFile = z.strictObject({
  name: z.string().min(1),
  names: z.enum(['file', 'id']).default('id'),
  queries: z.array(LabelledQuery).min(1),
});

/** @throws CinedexError NOT_FOUND or USAGE naming what is wrong in the file */
export async function readLabelledFile(file: string): Promise<LabelledSet> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CinedexError('NOT_FOUND', `There is no file ${file}.`, { cause });
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new CinedexError('USAGE', `${file} is no JSON.`, { cause });
  }
  const checked = LabelledFile.safeParse(parsed);
  if (!checked.success) throw new CinedexError('USAGE', `${file}: ${formatZodError(checked.error)}`);
  return { ...checked.data, checksum: sha256(text) };
}

export function sha256(...texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text).update('\0');
  return hash.digest('hex');
}
