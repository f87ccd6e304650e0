/** The stores that the configuration asks for. */
import type { Config } from '../config.ts';
import type { Stores } from '../ports/stores.ts';
import { openEmbedded } from './embedded/index.ts';

/** @throws CinedexError DATA_LOCKED, STORE_UNAVAILABLE */
export async function openStores(config: Config): Promise<Stores> {
  if (config.core.mode === 'cluster') {
    // Loaded only where they are used: the clients cost 100 ms and more at a start.
    const { openCluster } = await import('./cluster/index.ts');
    return openCluster(config);
  }
  return openEmbedded(config.core.dataDir);
}
