/** `kill -9` after each effect, for a stage in the middle and for the one that writes the index. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../fixtures/pipeline.ts';

const VIDEOS = 4;
const CHILD = new URL('./crash-child.ts', import.meta.url).pathname;

interface Summary {
  steps: [string, string[]][];
  points: number;
  events: Record<string, { all: number; distinct: number }>;
  ran: number;
}

async function run(
  folder: string,
  crashAt: string,
): Promise<{ signal: string | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [CHILD, folder, crashAt, String(VIDEOS)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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

describe.each(['ocr', 'document'])('a process killed in the job of %s', (stage) => {
  it.each(['artifact', 'ledger', 'event', 'ack'])(
    'right after the effect "%s" loses and doubles nothing',
    async (effect) => {
      const { folder, remove } = temporaryFolder();
      try {
        const crashed = await run(folder, `${stage}:${effect}`);
        expect(crashed.signal, crashed.errors).toBe('SIGKILL');
        const finished = await run(folder, 'none');
        expect(finished.signal, finished.errors).toBeNull();
        const summary = JSON.parse(finished.output.trim().split('\n').at(-1)!) as Summary;
        expect(summary.steps).toHaveLength(VIDEOS);
        for (const [videoId, statuses] of summary.steps)
          expect(statuses, videoId).toEqual(['done', 'done', 'done', 'done']);
        expect(summary.points).toBe(VIDEOS);
        for (const [topic, { distinct }] of Object.entries(summary.events)) {
          expect(distinct, topic).toBe(topic === 'videos.dlq' ? 0 : VIDEOS);
        }
      } finally {
        remove();
      }
    },
  );
});
