/** What a fault has left of the videos: settled, lost, doubled. */
import { TOPICS } from '../../shared/contracts/events.ts';
import type { App } from '../../workers/app.ts';
import { isVideoSettled } from '../../workers/runtime/plan.ts';
import { GENERATION, ref, topicRecords } from '../fixtures/pipeline.ts';

export interface Tally {
  in: number;
  settled: number;
  /** Not settled, or settled with a document and not in the index. */
  lost: number;
  /** With more than one point, or told of as indexed more than once for one revision. */
  doubled: number;
  deadLetters: Record<string, number>;
}

/** Takes stock of these videos, and prints it. */
export async function takeStock(app: App, fault: string, videoIds: readonly string[]): Promise<Tally> {
  const told = new Map<string, Set<string>>();
  for (const { value, headers } of await topicRecords(app, TOPICS.indexed)) {
    const { videoId, revision } = JSON.parse(value) as { videoId: string; revision: number };
    const name = `${videoId}/${revision}`;
    told.set(name, (told.get(name) ?? new Set()).add(headers.ce_id!));
  }
  const tally: Tally = { in: videoIds.length, settled: 0, lost: 0, doubled: 0, deadLetters: {} };
  for (const videoId of videoIds) {
    const video = await app.status(ref(videoId));
    const points = await app.stores.index.count(GENERATION, 'videos', [
      { field: 'videoId', equals: videoId },
    ]);
    const settled = video !== undefined && isVideoSettled(video);
    const wanted = video?.deleted || video?.steps.document?.status !== 'done' ? 0 : 1;
    if (settled) tally.settled += 1;
    if (!settled || points < wanted) tally.lost += 1;
    const twice = [...told].some(([name, ids]) => name.startsWith(`${videoId}/`) && ids.size > 1);
    if (points > wanted || twice) tally.doubled += 1;
  }
  for (const { headers } of await topicRecords(app, TOPICS.dlq)) {
    const cause = `${headers.stage} ${headers.code}`;
    tally.deadLetters[cause] = (tally.deadLetters[cause] ?? 0) + 1;
  }
  console.info(
    `${fault}: videos in ${tally.in}, settled ${tally.settled}, lost ${tally.lost}, doubled ${tally.doubled}; dead letters ${JSON.stringify(tally.deadLetters)}`,
  );
  return tally;
}
