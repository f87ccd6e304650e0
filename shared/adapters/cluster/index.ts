/** Everything a process needs to keep, on servers that many processes share. */
import type { Config } from '../../config.ts';
import { CinedexError } from '../../contracts/errors.ts';
import type { Stores } from '../../ports/stores.ts';

/** @throws CinedexError STORE_UNAVAILABLE naming the server that cannot be reached */
export async function openCluster(_config: Config): Promise<Stores> {
  throw new CinedexError('STORE_UNAVAILABLE', 'the cluster adapters are not wired yet');
}
