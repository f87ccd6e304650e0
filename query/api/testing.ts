/** The API over a few described videos of two tenants, in memory, for its tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { SqliteEventBus } from '../../shared/adapters/embedded/sqlite-event-bus.ts';
import { loadConfig } from '../../shared/config.ts';
import { type VideoRef, videoKey } from '../../shared/contracts/common.ts';
import { decodeEvent, type ReceivedEvent } from '../../shared/contracts/envelope.ts';
import { createMediaAccess } from '../../shared/media/media-access.ts';
import { ModelStore } from '../../shared/models/store.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import { createLogger } from '../../shared/telemetry/logger.ts';
import { createMetrics } from '../../shared/telemetry/metrics.ts';
import { type DescribedVideo, describedRecord } from '../../test/fixtures/described-video.ts';
import { type DocumentBench, documentBench } from '../../test/fixtures/document-services.ts';
import { createExampleTools } from '../examples/tools.ts';
import { Dictionaries } from '../intent/dictionary.ts';
import { createSearch, type Search } from '../search.ts';
import { createKey, type Scope } from './keys.ts';
import { createQueryServer, type QueryServerOptions } from './server.ts';

export const LIBRARY: DescribedVideo[] = [
  {
    videoId: 'dogs',
    metadata: { title: 'Dogs of the park', language: 'en', tags: ['Animals'] },
    shots: [{ seen: 'grass' }, { seen: 'dog run', said: 'Fetch the red ball, Rex!' }, { seen: 'bench' }],
  },
  {
    videoId: 'kitchen',
    metadata: { title: '北京早晨的厨房', language: 'zh', series: '家常菜' },
    shots: [
      { seen: 'kettle', shown: '先把水烧开' },
      { seen: 'cup coffee', shown: '慢慢倒入咖啡' },
    ],
  },
  {
    videoId: 'lecture',
    metadata: { title: 'Evening lecture', language: 'en' },
    shots: [
      { seen: 'slide', said: 'To be asked about gravity.', seconds: 8 },
      { seen: 'board', said: 'Newton thought about gravity.', seconds: 8, faces: [3] },
    ],
  },
  ...['one', 'two', 'three'].map((n) => ({
    videoId: `sailing-${n}`,
    metadata: { title: `Sailing lesson ${n}`, language: 'en' },
    shots: [{ seen: `sail ${n}`, said: `Sailing, part ${n}.` }],
  })),
];
const OTHERS: DescribedVideo = {
  videoId: 'secret',
  tenant: 'rival',
  metadata: { title: 'Secret gravity project' },
  shots: [{ seen: 'rocket', said: 'Nobody may know about gravity.' }],
};

export interface TestApi {
  server: FastifyInstance;
  bench: DocumentBench;
  /** Where media may lie. */
  root: string;
  index: VideoIndex;
  bus: SqliteEventBus;
  records: Map<string, VideoRecord>;
  /** A new key. */
  key(scopes: Scope[], tenant?: string): Promise<string>;
  /** Asks with a key that may search (or the one that is given). */
  ask(
    url: string,
    more?: Omit<InjectOptions, 'url'> & { key?: string | null },
  ): Promise<LightMyRequestResponse>;
  published(topic: string): Promise<ReceivedEvent[]>;
  dispose(): Promise<void>;
}

export interface TestApiOptions {
  query?: Record<string, unknown>;
  /** Without keys: open to this machine. */
  open?: boolean;
  /** Around the search. */
  search?: (search: Search) => Search;
  index?: (index: VideoIndex) => VideoIndex;
  server?: Partial<QueryServerOptions>;
  /** Beside those that every test has. */
  services?: Partial<QueryServerOptions['services']>;
}

export async function testApi(options: TestApiOptions = {}): Promise<TestApi> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-api-'));
  const root = path.join(folder, 'media');
  const config = loadConfig(
    {},
    {},
    { core: { dataDir: folder }, media: { roots: root }, query: { ...options.query } },
  );
  const bench = await documentBench();
  const records = new Map<string, VideoRecord>();
  for (const video of [...LIBRARY, OTHERS]) {
    await bench.indexVideo(video);
    const record = describedRecord(video, {
      media: { uri: path.join(root, `${video.videoId}.mp4`) },
    });
    records.set(videoKey(record), record);
    await bench.services.artifacts.putBlob(Buffer.from(`poster ${video.videoId}`), 'image/webp');
  }
  const index = options.index?.(bench.services.index) ?? bench.services.index;
  const { identities, artifacts, encoders } = bench.services;
  const bus = new SqliteEventBus(':memory:');
  const logger = createLogger({ level: 'silent' });
  const dictionaries = new Dictionaries({ index, identities }, config.search);
  // Files are opened and judged before a model is needed; there is none here.
  const examples = createExampleTools({ config, models: new ModelStore(folder), artifacts, logger });
  const search = createSearch(
    { index, identities, encoders, examples },
    { config: config.search, floors: { visual: 0.4 }, dictionaries },
  );
  const make = (scopes: Scope[], tenant = 'default') =>
    createKey(config.query.keysFile, { tenant, scopes, name: 'test' }).then(({ key }) => key);
  const usual = options.open ? null : await make(['search']);
  const server = await createQueryServer({
    config: config.query,
    ...{ allowHttps: true, tenant: 'default', partitions: 1, metrics: createMetrics(), logger },
    search: options.search?.(search) ?? search,
    dictionary: async (tenant) =>
      dictionaries.of(tenant, (await index.active())!, await identities.list(tenant)),
    services: {
      ...{ index, artifacts, identities },
      ledger: { get: async (ref: VideoRef) => records.get(videoKey(ref)) },
      media: createMediaAccess(config.media, { dataDir: folder, logger }),
      bus: async () => bus,
      ...options.services,
    },
    live: () => ({ ok: true, reasons: [] }),
    ready: async () => ({ ok: true, reasons: [] }),
    ...options.server,
  });
  return {
    ...{ server, bench, root, index, bus, records },
    key: make,
    ask: (url, { key = usual, headers, ...more } = {}) =>
      server.inject({
        ...more,
        url,
        headers: { ...(key && { authorization: `Bearer ${key}` }), ...headers },
      }),
    async published(topic) {
      const events: ReceivedEvent[] = [];
      if (!(await bus.topics()).includes(topic)) return events;
      for await (const record of bus.read(topic)) events.push(decodeEvent(record));
      return events;
    },
    async dispose() {
      await server.close();
      await examples.close();
      await bus.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
