/**
 * A worker process of the pipeline on Redis, for tests that freeze it or give it a wrong clock. It takes no events in.
 * Arguments: data folder, Redis's url, and JSON: `work` (stages it takes), `handlerMs` (how long each step takes), `skewMs`
 * (how far its clock is ahead), `postpone` (stages that say "not now" the first time). Says, a line each:
 * `ready`, `begins <stage>:<video>`, `ends <stage>:<video> <outcome>`.
 */
import { setTimeout as sleep } from 'node:timers/promises';

interface ChildOptions {
  work: string[];
  handlerMs: number;
  skewMs: number;
  postpone: string[];
}

const [folder, redisUrl, json] = process.argv.slice(2) as [string, string, string];
const { work, handlerMs, skewMs, postpone } = JSON.parse(json) as ChildOptions;
const trueNow = Date.now;
// Before anything is loaded that could keep the right clock.
Date.now = () => trueNow() + skewMs;
const { openServerPipeline } = await import('./server-pipeline.ts');
const { pipelineStages } = await import('../fixtures/pipeline.ts');
const { retryAfter } = await import('../../workers/runtime/stage.ts');

const say = (line: string) => process.stdout.write(`${line}\n`);
const postponed = new Set<string>();
const behaviour = Object.fromEntries(
  work.map((stage) => [
    stage,
    async ({ video }: { video: { videoId: string } }) => {
      const name = `${stage}:${video.videoId}`;
      if (postpone.includes(stage) && !postponed.has(name)) {
        postponed.add(name);
        return retryAfter(200, 'not now');
      }
      say(`begins ${name}`);
      await sleep(handlerMs);
      return undefined;
    },
  ]),
);
const stages = pipelineStages({ behaviour: behaviour as never, concurrency: 2, timeoutMs: 30_000 });
const app = await openServerPipeline(folder, { redis: redisUrl }, stages, {
  work,
  intake: false,
  onJob: ({ stage, videoId, outcome }) => say(`ends ${stage}:${videoId} ${outcome}`),
});
await app.start();
say('ready');
