/**
 * A process that indexes some videos and kills itself, as `kill -9` does, right after a given effect of a given stage.
 * Arguments: data folder, `stage:effect` or `none`, number of videos. Prints one JSON line when everything is settled.
 */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { TOPICS } from '../../shared/contracts/events.ts';
import { GENERATION, openPipeline, pipelineStages, topicRecords, upload } from '../fixtures/pipeline.ts';

const [folder, crashAt, videos] = process.argv.slice(2) as [string, string, string];
const ran: string[] = [];
const app = await openPipeline(folder, pipelineStages({ ran }), {
  onEffect: (effect, job) => {
    if (`${job.stage}:${effect}` === crashAt) process.kill(process.pid, 'SIGKILL');
  },
});
const published = path.join(folder, 'published');
if (!existsSync(published)) {
  await app.publish(Array.from({ length: Number(videos) }, (_, i) => upload(`v${i}`)));
  writeFileSync(published, '');
}
await app.start();
const records = await app.settled();
const topics = ['video.frames', 'video.ocr', 'video.audio', 'video.document', TOPICS.indexed, TOPICS.dlq];
const events: Record<string, { all: number; distinct: number }> = {};
for (const topic of topics) {
  const ids = (await topicRecords(app, topic)).map(({ headers }) => headers.ce_id);
  events[topic] = { all: ids.length, distinct: new Set(ids).size };
}
const summary = {
  steps: records.map(({ videoId, steps }) => [videoId, Object.values(steps).map(({ status }) => status)]),
  points: await app.stores.index.count(GENERATION, 'videos'),
  events,
  ran: ran.length,
};
await app.stop();
console.log(JSON.stringify(summary));
