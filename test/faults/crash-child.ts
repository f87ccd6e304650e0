/**
 * A process that indexes some videos and kills itself, as `kill -9` does, right after a given effect of a given stage.
 * Arguments: data folder, `stage:effect` or `none`, and JSON: `videos` (how many), and
 * `servers` where the stores are not in the folder. Prints one JSON line when everything is settled.
 */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LanceVideoIndex } from '../../shared/adapters/embedded/lance-video-index.ts';
import type { AppOptions } from '../../workers/app.ts';
import { openPipeline, pipelineStages, upload } from '../fixtures/pipeline.ts';
import { openServerPipeline, type Servers } from './server-pipeline.ts';
import { tallyOf } from './tally.ts';

const [folder, crashAt, json] = process.argv.slice(2) as [string, string, string];
const { videos, servers } = JSON.parse(json) as { videos: number; servers?: Servers };
const ran: string[] = [];
const stages = pipelineStages({ ran });
const onEffect: AppOptions['onEffect'] = (effect, job) => {
  if (`${job.stage}:${effect}` === crashAt) process.kill(process.pid, 'SIGKILL');
};
const index = servers && (await LanceVideoIndex.open(path.join(folder, 'index')));
const onServers = servers && (await openServerPipeline(folder, servers, stages, { onEffect, index: index! }));
const app = onServers ?? (await openPipeline(folder, stages, { onEffect }));
const ids = Array.from({ length: videos }, (_, i) => `v${i}`);
const published = path.join(folder, 'published');
if (!existsSync(published)) {
  await app.publish(ids.map((id) => upload(id)));
  writeFileSync(published, '');
}
await app.start();
const records = await app.settled();
const summary = {
  steps: records.map(({ videoId, steps }) => [videoId, Object.values(steps).map(({ status }) => status)]),
  tally: await tallyOf(app, ids),
  ran: ran.length,
};
await (onServers ? onServers.close() : app.stop());
await index?.close();
console.log(JSON.stringify(summary));
