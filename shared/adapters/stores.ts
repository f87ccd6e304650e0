/** The stores that the configuration asks for. */
import type { Config } from '../config.ts';
import type { Stores } from '../ports/stores.ts';
import type { Logger } from '../telemetry/logger.ts';
import { openEmbedded } from './embedded/index.ts';

/** What answering searches needs of them. */
export type SearchStores = Pick<Stores, 'index' | 'identities' | 'artifacts' | 'close'>;

/** @throws CinedexError DATA_LOCKED, STORE_UNAVAILABLE, CONFIG_INVALID */
export async function openStores(config: Config, logger?: Logger): Promise<Stores> {
  if (config.core.mode === 'cluster') {
    // Loaded only where they are used: the clients cost 100 ms and more at a start.
    const { openCluster } = await import('./cluster/index.ts');
    return openCluster(config, logger);
  }
  return openEmbedded(config.core.dataDir);
}

/**
 * In cluster mode nothing of the broker and the queue, so that searches go on when those are away.
 * @throws CinedexError DATA_LOCKED, STORE_UNAVAILABLE, CONFIG_INVALID
 */
export async function openSearchStores(config: Config, logger?: Logger): Promise<SearchStores> {
  if (config.core.mode === 'cluster') {
    const { openClusterForSearch } = await import('./cluster/index.ts');
    return openClusterForSearch(config, logger);
  }
  return openEmbedded(config.core.dataDir);
}
