/** A folder of its own for each of several processes that share a data folder. */
import path from 'node:path';
import { CinedexError } from '../contracts/errors.ts';
import { type DataFolder, openDataFolder } from './embedded/data-folder.ts';

const MOST_PROCESSES = 1_000;

/**
 * Takes the first of `<dataDir>/processes/<n>` that no living process holds. The system frees it when the process dies,
 * however it dies, so what it left there is cleaned up by the one that takes the folder next.
 * @throws CinedexError DATA_LOCKED when there are too many
 */
export function takeProcessFolder(dataDir: string): DataFolder {
  for (let n = 0; n < MOST_PROCESSES; n++) {
    try {
      return openDataFolder(path.join(dataDir, 'processes', String(n)));
    } catch (error) {
      if (!(error instanceof CinedexError && error.code === 'DATA_LOCKED')) throw error;
    }
  }
  throw new CinedexError('DATA_LOCKED', `${dataDir} is used by ${MOST_PROCESSES} processes.`);
}
