/** A baseline that later runs must reach. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';

export const Baseline = z.strictObject({
  /** How far below a measure may lie. */
  tolerance: z.number().min(0).max(1),
  /** sha256 of the labels; measures of other labels cannot be compared. */
  dataset: z.string(),
  /** `group.measure`, such as `en.ndcg10`. */
  measures: z.record(z.string(), z.number()),
});
export type Baseline = z.infer<typeof Baseline>;

/** What fell below the baseline; empty: passed. @param measures `group.measure` of this run */
export function regressions(
  { tolerance, measures: wanted }: Baseline,
  measures: Readonly<Record<string, number>>,
): { measure: string; baseline: number; now: number | null }[] {
  return Object.entries(wanted).flatMap(([measure, baseline]) => {
    const now = measures[measure] ?? null;
    return now === null || now < baseline - tolerance ? [{ measure, baseline, now }] : [];
  });
}

/** @throws CinedexError NOT_FOUND or USAGE naming what is wrong in the file */
export async function readBaseline(file: string): Promise<Baseline> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CinedexError('NOT_FOUND', `There is no baseline ${file}.`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CinedexError('USAGE', `${file} is no JSON.`, { cause });
  }
  const parsed = Baseline.safeParse(value);
  if (!parsed.success) throw new CinedexError('USAGE', `${file}: ${formatZodError(parsed.error)}`);
  return parsed.data;
}
