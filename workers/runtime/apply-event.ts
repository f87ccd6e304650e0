/** How events change a video's record. Pure: applying an event twice is applying it once. */
import type { ReceivedEvent } from '../../shared/contracts/envelope.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { MediaSource, VideoMetadata } from '../../shared/contracts/events.ts';
import type { InteractionCounts, StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import { digest } from './bind.ts';
import { FORGET } from './plan.ts';

export interface EventOrigin {
  topic: string;
  partition: number;
  offset: string;
}

const REMEMBERED_EVENTS = 64;
const REMEMBERED_QUERIES = 200;

/** Identity of the bytes behind a media source, as far as the event tells. */
export function contentHashOf(media: MediaSource): string {
  return media.sha256 ?? digest(['uri', media.uri, media.version ?? null]);
}

/**
 * @returns the new record, or undefined when the event changes nothing
 * @throws CinedexError NOT_FOUND for an update, deletion or interactions of a video that is not known
 */
export function applyEvent(
  current: VideoRecord | undefined,
  event: ReceivedEvent,
  origin: EventOrigin,
  now: number,
): VideoRecord | undefined {
  const place = `${origin.topic}/${origin.partition}`;
  const seen = current?.appliedOffsets[place];
  if (seen !== undefined && BigInt(seen) >= BigInt(origin.offset)) return undefined;
  if (current?.appliedEvents.includes(event.id)) return undefined;

  const changed = change(current, event, origin, now);
  const unchanged = changed === current;
  const next = unchanged ? changed : endBackfill(changed);
  return {
    ...next,
    revision: current === undefined ? 1 : unchanged ? current.revision : current.revision + 1,
    updatedAt: unchanged ? next.updatedAt : now,
    appliedEvents: [...next.appliedEvents, event.id].slice(-REMEMBERED_EVENTS),
    appliedOffsets: { ...next.appliedOffsets, [place]: origin.offset },
  };
}

/** Somebody waits for this video now: what stands in the backfill's lane is planned anew, in that of the video. */
function endBackfill({ backfill, ...video }: VideoRecord): VideoRecord {
  if (!backfill) return video;
  const steps = Object.entries(video.steps).map(([stage, step]): [string, StepState] => [
    stage,
    step.status === 'queued' ? { ...step, status: 'pending' } : step,
  ]);
  return { ...video, steps: Object.fromEntries(steps) };
}

function change(
  current: VideoRecord | undefined,
  event: ReceivedEvent,
  origin: EventOrigin,
  now: number,
): VideoRecord {
  if (isType(event, 'video.uploaded.v1')) return uploaded(current, event, origin, now);
  const { videoId } = event.data as { videoId?: string };
  if (!current)
    throw new CinedexError('NOT_FOUND', `${event.type} for "${videoId}", which was never uploaded.`);
  if (isType(event, 'video.deleted.v1')) {
    // The other steps stay: their keys are needed to remove their manifests.
    return current.deleted ? current : { ...current, deleted: true, origin };
  }
  if (current.deleted)
    throw new CinedexError('NOT_FOUND', `${event.type} for "${videoId}", which was deleted.`);
  if (isType(event, 'video.updated.v1')) {
    const metadata = merged(current.metadata, event.data.metadata);
    return digest(metadata) === digest(current.metadata) ? current : { ...current, metadata, origin };
  }
  if (isType(event, 'video.interactions.v1')) return interacted(current, event);
  throw new CinedexError('EVENT_UNKNOWN_TYPE', `${event.type} is not an event about an upload.`);
}

function isType<T extends ReceivedEvent['type']>(event: ReceivedEvent, type: T): event is ReceivedEvent<T> {
  return event.type === type;
}

function uploaded(
  current: VideoRecord | undefined,
  event: ReceivedEvent<'video.uploaded.v1'>,
  origin: EventOrigin,
  now: number,
): VideoRecord {
  const { tenant, videoId, source, media, metadata } = event.data;
  const lane = event.data.lane ?? source;
  const contentHash = contentHashOf(media);
  const traceparent = event.traceparent;
  if (!current) {
    return {
      tenant,
      videoId,
      revision: 1,
      source,
      lane,
      media,
      contentHash,
      metadata,
      galleryRevision: 0,
      deleted: false,
      steps: {},
      origin,
      appliedEvents: [],
      appliedOffsets: {},
      ...(traceparent && { traceparent }),
      createdAt: now,
      updatedAt: now,
      checkAt: null,
    };
  }
  const same =
    !current.deleted &&
    current.source === source &&
    current.contentHash === contentHash &&
    digest(current.media) === digest(media) &&
    digest(current.metadata) === digest(metadata);
  if (same) return current;
  return {
    ...current,
    source,
    lane,
    media,
    contentHash,
    metadata,
    deleted: false,
    // What is being forgotten has to be done again, after that.
    steps: current.deleted && current.steps[FORGET] ? { [FORGET]: current.steps[FORGET] } : current.steps,
    origin,
    ...(traceparent && { traceparent }),
  };
}

function merged(metadata: VideoMetadata, update: Record<string, unknown>): VideoMetadata {
  const result: Record<string, unknown> = { ...metadata };
  for (const [field, value] of Object.entries(update)) {
    if (value === null) delete result[field];
    else if (value !== undefined) result[field] = value;
  }
  return result as VideoMetadata;
}

function interacted(current: VideoRecord, event: ReceivedEvent<'video.interactions.v1'>): VideoRecord {
  const { query, impressions, clicks, watchSeconds, meanPosition, notRelevant } = event.data;
  const before = current.interactions ?? { impressions: 0, clicks: 0, watchSeconds: 0, queries: {} };
  const add = (known: InteractionCounts | undefined): InteractionCounts => {
    const refused = (known?.notRelevant ?? 0) + (notRelevant ?? 0);
    const ranked =
      meanPosition === undefined ? known?.ranked : addRanks(known?.ranked, impressions, meanPosition);
    return {
      impressions: (known?.impressions ?? 0) + impressions,
      clicks: (known?.clicks ?? 0) + clicks,
      watchSeconds: (known?.watchSeconds ?? 0) + watchSeconds,
      ...(ranked && { ranked }),
      ...(refused > 0 && { notRelevant: refused }),
    };
  };
  let queries = before.queries;
  if (query) {
    queries = { ...queries, [query]: add(Object.hasOwn(queries, query) ? queries[query] : undefined) };
    const entries = Object.entries(queries);
    if (entries.length > REMEMBERED_QUERIES) {
      entries.sort(([, a], [, b]) => b.clicks - a.clicks || b.impressions - a.impressions);
      queries = Object.fromEntries(entries.slice(0, REMEMBERED_QUERIES));
    }
  }
  return { ...current, interactions: { ...add(before), queries } };
}

function addRanks(
  { impressions, sumOfRanks }: NonNullable<InteractionCounts['ranked']> = { impressions: 0, sumOfRanks: 0 },
  more: number,
  meanPosition: number,
): InteractionCounts['ranked'] {
  return { impressions: impressions + more, sumOfRanks: sumOfRanks + more * meanPosition };
}
