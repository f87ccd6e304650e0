/** The output events of a settled step. Their ids are made of the step, so one that is sent twice is one event. */
import { videoKey } from '../../shared/contracts/common.ts';
import { encodeEvent } from '../../shared/contracts/envelope.ts';
import { stageTopic } from '../../shared/contracts/events.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import { type BoundStage, digest } from './bind.ts';
import { publishDeadLetter } from './dead-letters.ts';
import { FORGET } from './plan.ts';
import type { Settlement, StepJob } from './steps.ts';

export interface Announcement {
  job: StepJob;
  /** As it is after the step was settled. */
  video: VideoRecord;
  settlement: Settlement;
  /** What the stage made, for the events that the stage itself declares. */
  output: unknown;
  traceparent: string | undefined;
}

/** Id of the event by which one run of a step is told of on a topic. */
export function announcementId(job: StepJob, topic: string): string {
  const { tenant, videoId, stage, key, epoch } = job;
  return digest([tenant, videoId, stage, key, epoch, topic]).slice(0, 32);
}

/** Publishes what a step's end has to tell: its stage's event, or its dead letter. */
export async function announceStep(
  { bus, stages }: { bus: EventBus; stages: readonly BoundStage[] },
  { job, video, settlement, output, traceparent }: Announcement,
): Promise<void> {
  const { tenant, videoId, stage, key } = job;
  if (settlement.status === 'failed') {
    await publishDeadLetter(bus, {
      key: videoKey(job),
      stage,
      attempts: video.steps[stage]?.attempts ?? 0,
      error: settlement.error!,
      ...(video.origin && { origin: video.origin }),
      epoch: job.epoch,
      original: await originalEvent(bus, video),
      ...(traceparent && { traceparent }),
    });
    return;
  }
  if (stage === FORGET) return;
  const id = (topic: string) => announcementId(job, topic);
  const topic = stageTopic(stage);
  const settled = encodeEvent(
    'video.stage-settled.v1',
    {
      ...{ tenant, videoId, stage, revision: video.revision, status: settlement.status },
      ...(settlement.status === 'skipped' ? { reason: settlement.missing?.join(', ') } : { artifact: key }),
      ...(settlement.status === 'partial' && { missing: settlement.missing }),
      ...{ reused: settlement.reused, durationMs: settlement.durationMs },
    },
    { id: id(topic), traceparent },
  );
  await bus.publish(topic, [settled]);
  if (output === undefined) return;
  const declared = stages.find((bound) => bound.stage.name === stage)?.stage.announce;
  for (const extra of declared?.(output as never, video) ?? []) {
    const { type, data } = extra.event;
    await bus.publish(extra.topic, [encodeEvent(type, data, { id: id(extra.topic), traceparent })]);
  }
}

/** The event that brought the video, as it came; where the log holds it no more, what the ledger kept of it. */
async function originalEvent(bus: EventBus, video: VideoRecord): Promise<string> {
  const { origin, tenant, videoId, source, media, metadata } = video;
  if (origin) {
    const { topic, partition, offset } = origin;
    for await (const record of bus.read(topic, { partition, from: { offset } })) {
      if (record.offset === offset) return record.value;
      break;
    }
  }
  return JSON.stringify({ tenant, videoId, source, media, metadata });
}
