/** What a fault has left of the videos: settled, lost, doubled. */
import { TOPICS } from '../../shared/contracts/events.ts';
import type { App } from '../../workers/app.ts';
import { isVideoSettled } from '../../workers/runtime/plan.ts';
import { GENERATION, topicRecords } from '../fixtures/pipeline.ts';

export interface Tally {
  in: number;
  settled: number;
  /** Not settled; or indexed by the ledger but not there; or with a failed step that left no dead letter. */
  lost: number;
  /** Points too many, records of videos that were never put in, and results told of twice as if they were two. */
  doubled: number;
  /** Letters by stage and code. */
  deadLetters: Record<string, number>;
}

const STAGES = ['frames', 'ocr', 'audio', 'document'];

/** Of all videos of an app on the pipeline of the fixtures. @param videoIds those that were put in */
export async function tallyOf(app: App, videoIds: readonly string[]): Promise<Tally> {
  const records = await allRecords(app);
  const tally: Tally = { in: videoIds.length, settled: 0, lost: 0, doubled: 0, deadLetters: {} };
  const lettersOf = new Set<string>();
  for (const { key, headers } of await topicRecords(app, TOPICS.dlq)) {
    const cause = `${headers.stage} ${headers.code}`;
    tally.deadLetters[cause] = (tally.deadLetters[cause] ?? 0) + 1;
    lettersOf.add(`${key} ${headers.stage}`);
  }
  const [all] = await app.stores.index.query(GENERATION, 'videos', [{ kind: 'scan', limit: 10_000 }]);
  for (const videoId of videoIds) {
    const video = records.get(videoId);
    const points = all!.filter(({ payload }) => payload.videoId === videoId).length;
    const settled = video !== undefined && isVideoSettled(video) && Object.keys(video.steps).length > 0;
    const wanted = !video?.deleted && video?.steps.document?.status === 'done' ? 1 : 0;
    // A document that failed at the end may have written its point before.
    const allowed = !video?.deleted && video?.steps.document?.status === 'failed' ? 1 : wanted;
    const silent = Object.entries(video?.steps ?? {}).some(
      ([stage, { status }]) => status === 'failed' && !lettersOf.has(`default/${videoId} ${stage}`),
    );
    if (settled) tally.settled += 1;
    if (!settled || points < wanted || silent) tally.lost += 1;
    if (points > allowed) tally.doubled += 1;
  }
  tally.doubled += records.size - videoIds.filter((videoId) => records.has(videoId)).length;
  tally.doubled += await toldTwice(app);
  return tally;
}

async function allRecords(app: App) {
  const records = new Map<string, Awaited<ReturnType<App['status']>>>();
  let cursor: string | undefined;
  for (;;) {
    const page = await app.stores.ledger.list({ cursor, limit: 500 });
    for (const record of page.records) records.set(record.videoId, record);
    if (page.cursor === null) return records;
    cursor = page.cursor;
  }
}

/** An event that is sent again has the id of the first; the same result under another id would be counted as another. */
async function toldTwice(app: App): Promise<number> {
  const ids = new Map<string, Set<string>>();
  const note = (name: string, id: string) => ids.set(name, (ids.get(name) ?? new Set()).add(id));
  for (const stage of STAGES) {
    for (const { key, value, headers } of await topicRecords(app, `video.${stage}`)) {
      const { revision, artifact, reason } = JSON.parse(value) as Record<string, string | number>;
      note(`${key} ${stage} ${revision} ${artifact ?? reason}`, headers.ce_id!);
    }
  }
  for (const { key, value, headers } of await topicRecords(app, TOPICS.indexed)) {
    note(`${key} indexed ${(JSON.parse(value) as { revision: number }).revision}`, headers.ce_id!);
  }
  return [...ids.values()].reduce((sum, { size }) => sum + size - 1, 0);
}
