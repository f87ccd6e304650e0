/** What answers searches over HTTP: a process of its own (`cinedex query`), or beside the stages (`cinedex up --query`). */
import { takeProcessFolder } from '../../shared/adapters/process-folder.ts';
import { openSearchStores } from '../../shared/adapters/stores.ts';
import type { Config } from '../../shared/config.ts';
import { createMediaAccess } from '../../shared/media/media-access.ts';
import { createEncoders } from '../../shared/models/encoders.ts';
import { ModelStore } from '../../shared/models/store.ts';
import type { Encoders } from '../../shared/ports/encoders.ts';
import type { IdentityStore } from '../../shared/ports/identity-store.ts';
import { HealthNotes, liveness } from '../../shared/telemetry/liveness.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import { createMetrics, type Metrics } from '../../shared/telemetry/metrics.ts';
import type { Probes } from '../../shared/telemetry/probes.ts';
import { createReadiness } from '../../shared/telemetry/readiness.ts';
import { createExampleTools, type ExampleTools } from '../examples/tools.ts';
import { Dictionaries } from '../intent/dictionary.ts';
import { createSearch } from '../search.ts';
import { refuseOpenDoors } from './access.ts';
import { KeyRing } from './keys.ts';
import type { ApiServices } from './routes.ts';
import { createQueryServer } from './server.ts';

export interface Served {
  /** Such as `http://127.0.0.1:8080`. */
  address: string;
  /** Lets running requests end, then closes. */
  stop(): Promise<void>;
}

export interface QueryParts extends Pick<Probes, 'live' | 'ready'> {
  services: ApiServices & { identities: Pick<IdentityStore, 'list'> };
  encoders: Encoders;
  examples: ExampleTools;
  metrics: Metrics;
}

/**
 * Begins to listen at `query.host` and `query.port`.
 * @throws CinedexError CONFIG_INVALID when others could reach it and nobody would ask who they are
 */
export async function serveQuery(config: Config, logger: Logger, parts: QueryParts): Promise<Served> {
  const { services, encoders, examples, metrics, live, ready } = parts;
  const { index, identities } = services;
  const dictionaries = new Dictionaries({ index, identities }, config.search);
  const server = await createQueryServer({
    config: config.query,
    allowHttps: config.media.allowHttps,
    tenant: config.core.tenant,
    search: createSearch({ index, encoders, identities, examples }, { config: config.search, dictionaries }),
    partitions: config.runtime.partitions,
    dictionary: async (tenant) => {
      const generation = await index.active();
      if (generation === null) return null;
      return dictionaries.of(tenant, generation, await identities.list(tenant));
    },
    services: {
      ...services,
      openPart: async (uri, options) => {
        // Loaded only where it is used: the client costs 100 ms and more at a start.
        const { openS3Part } = await import('../../shared/media/s3-source.ts');
        return openS3Part(uri, config.s3, logger, options);
      },
    },
    ...{ metrics, logger, live, ready },
  });
  const address = await server.listen({ host: config.query.host, port: config.query.port });
  return { address, stop: () => server.close() };
}

/** What {@link serveQuery} would refuse, before anything has been opened. @throws CinedexError CONFIG_INVALID */
export async function checkDoors({ query }: Config): Promise<void> {
  await refuseOpenDoors(new KeyRing(query.keysFile), query.host);
}

export interface QueryProcess {
  /** For a port that is no user's: there they need no key. */
  readonly probes: Probes;
  /** Listens at once (the probes answer) and loads the models; resolves to its address once it is ready. */
  start(): Promise<string>;
  /** Lets running searches end, then closes. */
  stop(): Promise<void>;
}

/** @throws CinedexError DATA_LOCKED, STORE_UNAVAILABLE, CONFIG_INVALID */
export async function openQueryProcess(config: Config, logger: Logger): Promise<QueryProcess> {
  await checkDoors(config);
  const { dataDir, mode, modelsDir } = config.core;
  // The embedded stores own all of the data folder.
  const folder = mode === 'cluster' ? takeProcessFolder(dataDir) : { dir: dataDir, release: () => undefined };
  const stores = await openSearchStores(config, logger).catch((error: unknown) => {
    folder.release();
    throw error;
  });
  const { index, identities } = stores;
  const models = new ModelStore(modelsDir);
  const encoders = createEncoders(config, models);
  const examples = createExampleTools({ config, models, artifacts: stores.artifacts, logger });
  const metrics = createMetrics();
  metrics.describe('query', []);
  const health = new HealthNotes(config.runtime.stallMs);
  let phase: 'loading' | 'ready' | 'stopping' = 'loading';
  let served: Served | undefined;
  const parts: QueryParts = {
    services: {
      ...stores,
      media: createMediaAccess(config.media, { dataDir: folder.dir, logger, s3: config.s3 }),
    },
    ...{ encoders, examples, metrics },
    live: () => {
      const { alive, reasons } = liveness(health.state(), Date.now());
      return { ok: alive, reasons };
    },
    ready: createReadiness({
      waitingFor: () =>
        phase === 'ready' ? null : phase === 'stopping' ? 'the process is stopping' : 'models are loading',
      checks: { index: () => index.active(), identities: () => identities.list(config.core.tenant) },
    }),
  };
  return {
    probes: { registry: metrics.registry, live: parts.live, ready: parts.ready },
    async start() {
      health.start();
      served = await serveQuery(config, logger, parts);
      await Promise.all([encoders.text().warmUp(), encoders.multimodal().warmUp()]);
      phase = 'ready';
      metrics.ready(true);
      return served.address;
    },
    async stop() {
      phase = 'stopping';
      metrics.ready(false);
      health.drain();
      await served?.stop();
      await examples.close();
      await encoders.close();
      await stores.close();
      folder.release();
      health.end();
    },
  };
}
