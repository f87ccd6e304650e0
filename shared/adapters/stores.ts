/** The stores that the configuration asks for. */
import type { Config } from '../config.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { Stores } from '../ports/stores.ts';
import type { Logger } from '../telemetry/logger.ts';
import { openEmbedded } from './embedded/index.ts';

/** What answering searches needs of them. */
export type SearchStores = Pick<Stores, 'index' | 'identities' | 'artifacts' | 'ledger' | 'close'> & {
  /** For what is published; in cluster mode it connects at its first use. @throws CinedexError STORE_UNAVAILABLE */
  bus(): Promise<EventBus>;
};

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
 * In cluster mode nothing of the queue, and of the broker only when something is to be published, so that searches go on
 * when those are away.
 * @throws CinedexError DATA_LOCKED, STORE_UNAVAILABLE, CONFIG_INVALID
 */
export async function openSearchStores(config: Config, logger?: Logger): Promise<SearchStores> {
  if (config.core.mode === 'cluster') {
    const { openClusterForSearch } = await import('./cluster/index.ts');
    return openClusterForSearch(config, logger);
  }
  const stores = await openEmbedded(config.core.dataDir);
  return { ...stores, bus: async () => stores.bus };
}
