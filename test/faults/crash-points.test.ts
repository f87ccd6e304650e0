/** `kill -9` after each effect, for a stage in the middle and for the one that writes the index. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../fixtures/pipeline.ts';
import { kafkaBrokers, redisUrl } from '../servers/index.ts';
import { ownPrefix, type Servers } from './server-pipeline.ts';
import { note } from './tally.fixture.ts';
import type { Tally } from './tally.ts';

const VIDEOS = 4;
const CHILD = new URL('./crash-child.ts', import.meta.url).pathname;

interface Summary {
  steps: [string, string[]][];
  tally: Tally;
  ran: number;
}

async function run(
  folder: string,
  crashAt: string,
  servers: Servers | undefined,
): Promise<{ signal: string | null; output: string; errors: string }> {
  const child = spawn(
    process.execPath,
    [CHILD, folder, crashAt, JSON.stringify({ videos: VIDEOS, servers })],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [, signal] = await once(child, 'close');
  return { signal, output, errors };
}

const [brokers, redis] = [kafkaBrokers(), await redisUrl()];
const PLACES: { place: string; there: boolean; servers: () => Servers | undefined }[] = [
  { place: 'embedded', there: true, servers: () => undefined },
  {
    place: 'Kafka and Redis',
    there: brokers !== null && redis !== null,
    servers: () => ({ brokers: brokers!, redis: redis!, prefix: ownPrefix() }),
  },
];
const CASES = PLACES.flatMap((place) => ['ocr', 'document'].map((stage) => ({ ...place, stage })));

describe.each(CASES)(
  'on $place, a process killed in the job of $stage',
  ({ place, there, servers, stage }) => {
    it.skipIf(!there).each(['artifact', 'ledger', 'event', 'ack'])(
      'right after the effect "%s" loses and doubles nothing',
      async (effect) => {
        const { folder, remove } = temporaryFolder();
        const at = servers();
        try {
          const crashed = await run(folder, `${stage}:${effect}`, at);
          expect(crashed.signal, crashed.errors).toBe('SIGKILL');
          const finished = await run(folder, 'none', at);
          expect(finished.signal, finished.errors).toBeNull();
          const { steps, tally, ran } = JSON.parse(finished.output.trim().split('\n').at(-1)!) as Summary;
          expect(steps).toHaveLength(VIDEOS);
          for (const [videoId, statuses] of steps)
            expect(statuses, videoId).toEqual(['done', 'done', 'done', 'done']);
          note(`killed after the ${effect} of ${stage}, on ${place}`, tally);
          expect(tally).toEqual({ in: VIDEOS, settled: VIDEOS, lost: 0, doubled: 0, deadLetters: {} });
          // Something was left to do, and not all of it.
          expect(ran).toBeLessThan(4 * VIDEOS);
        } finally {
          remove();
        }
      },
      120_000,
    );
  },
);
