import { readFile } from 'node:fs/promises';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';
import { RelevanceModel, UNTRAINED } from './model.ts';

/** Trained weights of a file, or the built-in ones. @throws CinedexError CONFIG_INVALID naming what is wrong */
export async function readModel(file: string): Promise<RelevanceModel> {
  if (!file) return UNTRAINED;
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new CinedexError('CONFIG_INVALID', `The relevance model ${file} cannot be read as JSON.`, {
      cause,
    });
  }
  const checked = RelevanceModel.safeParse(parsed);
  if (!checked.success) throw new CinedexError('CONFIG_INVALID', `${file}: ${formatZodError(checked.error)}`);
  return checked.data;
}
