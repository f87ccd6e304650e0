/**
 * What a server of Qdrant needs for moments: resident memory before and after writing them, with all in memory and
 * with the originals on disk, a fresh server each. For sizing it.
 * Usage: QDRANT_BINARY=…/qdrant node bench/qdrant-memory.ts [moments]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { v5 as uuidv5 } from 'uuid';
import { QdrantVideoIndex } from '../shared/adapters/cluster/qdrant-video-index.ts';
import { loadConfig } from '../shared/config.ts';
import { collectionSchemas } from '../shared/index/schema.ts';
import type { Point } from '../shared/ports/video-index.ts';
import { canStartQdrant, startQdrant } from '../test/servers/index.ts';

const moments = Number(process.argv[2] ?? 20_000);
const DIMENSIONS = 512;
const BATCH = 200;
const NAMESPACE = '5b0f2e8e-8a44-4a5d-9c8c-3d2a8f6e1b11';
if (!canStartQdrant()) process.exit(1);

const model = { id: 'bench', dimensions: DIMENSIONS };
const schema = collectionSchemas({ text: model, multimodal: model, face: model, audio: model }).find(
  ({ name }) => name === 'moments',
)!;
const vectorNames = Object.keys(schema.vectors);

/** Numbers that look random and are the same each run: vectors that compress or cluster would flatter the result. */
const random = ((seed: number) => () => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647 - 0.5;
})(11);
const words = (count: number) =>
  Array.from({ length: count }, () => `w${Math.floor(5_000 ** (random() + 0.5))}`);

function moment(i: number): Point {
  return {
    id: uuidv5(`${i}`, NAMESPACE),
    vectors: Object.fromEntries(
      vectorNames.map((name) => [name, Float32Array.from({ length: DIMENSIONS }, random)]),
    ),
    lexical: { screen: words(10), speech: words(20), labels: words(6) },
    payload: { tenant: `t${i % 3}`, video: `v${i >> 4}`, startSec: (i & 15) * 5, endSec: (i & 15) * 5 + 5 },
  };
}

/** Bytes of memory of the process that are resident: anonymous ones, which nothing can give back, and pages of files, which it can. */
function resident(pid: number): { anonymous: number; ofFiles: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)![1]) * 1_024;
  return { anonymous: bytes('RssAnon'), ofFiles: bytes('RssFile') };
}

async function measure(onDisk: boolean) {
  const server = await startQdrant();
  const config = loadConfig({}, {}, { qdrant: { url: server.url, onDisk } }).qdrant;
  const index = await QdrantVideoIndex.open(config);
  await index.ensureGeneration('g', [schema]);
  const empty = resident(server.pid!);
  for (let from = 0; from < moments; from += BATCH) {
    const points = Array.from({ length: Math.min(BATCH, moments - from) }, (_, i) => moment(from + i));
    await index.upsert('g', 'moments', points);
  }
  await index.optimize('g');
  const response = await fetch(`${server.url}/collections/${config.prefix}.g.moments`);
  const { result } = (await response.json()) as {
    result: { status: string; points_count: number; indexed_vectors_count: number };
  };
  const full = resident(server.pid!);
  const { version } = (await (await fetch(server.url)).json()) as { version: string };
  await index.close();
  await server.stop();
  const each = (key: keyof typeof full) => Math.round((full[key] - empty[key]) / moments);
  return {
    version,
    onDisk,
    status: result.status,
    points: result.points_count,
    indexedVectors: result.indexed_vectors_count,
    emptyMb: Math.round((empty.anonymous + empty.ofFiles) / 1e6),
    residentMb: Math.round((full.anonymous + full.ofFiles) / 1e6),
    bytesPerMoment: { anonymous: each('anonymous'), ofFiles: each('ofFiles') },
  };
}

const result = {
  command: 'node bench/qdrant-memory.ts',
  node: process.version,
  material: `${moments} moments, ${vectorNames.length} vectors of ${DIMENSIONS}, 36 tokens`,
  servers: [await measure(false), await measure(true)],
};
writeFileSync(new URL('results/qdrant-memory.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result, null, 2));
