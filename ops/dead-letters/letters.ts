/** Reads the dead letters, with what became of them. */
import { VideoRef } from '../../shared/contracts/common.ts';
import { decodeEvent, encodeEvent } from '../../shared/contracts/envelope.ts';
import { CinedexError, toCinedexError } from '../../shared/contracts/errors.ts';
import { type DeadLetter, type DeadLetterHandled, TOPICS } from '../../shared/contracts/events.ts';
import type { BusRecord, EventBus } from '../../shared/ports/event-bus.ts';
import type { DeadLetterDeps, DeadLetterFilter, ListedDeadLetter } from './types.ts';

const DEFAULT_LIMIT = 100;
const SHORTEST_ID = 6;

/** A letter with its place on the topic of dead letters. */
export interface FoundLetter {
  letter: ListedDeadLetter;
  record: BusRecord;
}

/**
 * The letters that match, the newest first. A letter that was written twice (its writer died before it could tell) is one.
 * @throws CinedexError USAGE for an id that is too short or fits several letters, NOT_FOUND for one that fits none
 */
export async function findLetters(
  { bus, logger }: Pick<DeadLetterDeps, 'bus' | 'logger'>,
  filter: DeadLetterFilter,
): Promise<FoundLetter[]> {
  const topics = await bus.topics();
  if (!topics.includes(TOPICS.dlq)) return checked([], filter);
  const handled = await handledLetters({ bus, logger }, topics);
  const found = new Map<string, FoundLetter>();
  const { since, until } = filter;
  const from = since === undefined ? 'earliest' : { timestamp: since };
  for await (const record of bus.read(TOPICS.dlq, { from, until })) {
    try {
      const { id, data } = decodeEvent(record);
      const letter = listed(record, id, data as DeadLetter, handled);
      if (matches(letter, filter)) found.set(id, { letter, record });
    } catch (error) {
      const { code, message } = toCinedexError(error);
      logger?.warn(
        { code, message, offset: record.offset },
        'not a dead letter, on the topic of dead letters',
      );
    }
  }
  const newestFirst = [...found.values()].sort((a, b) => b.letter.at - a.letter.at);
  return checked(newestFirst, filter).slice(0, filter.limit ?? DEFAULT_LIMIT);
}

function listed(
  record: BusRecord,
  id: string,
  data: DeadLetter,
  handled: ReadonlyMap<string, NonNullable<ListedDeadLetter['handled']>>,
): ListedDeadLetter {
  const slash = record.key.indexOf('/');
  const ref = VideoRef.safeParse({
    tenant: record.key.slice(0, slash),
    videoId: record.key.slice(slash + 1),
  }).data;
  return {
    ...data,
    id,
    tenant: ref?.tenant ?? null,
    videoId: ref?.videoId ?? null,
    at: record.timestamp,
    traceparent: record.headers.ce_traceparent ?? null,
    handled: handled.get(id) ?? null,
  };
}

function matches(letter: ListedDeadLetter, filter: DeadLetterFilter): boolean {
  const { tenant, stage, code, videoId, ids, handled } = filter;
  return (
    // One whose tenant cannot be told belongs to whoever looks after all.
    (tenant === undefined || letter.tenant === null || letter.tenant === tenant) &&
    (stage === undefined || letter.stage === stage) &&
    (code === undefined || letter.code === code) &&
    (videoId === undefined || letter.videoId === videoId) &&
    (ids === undefined || ids.some((id) => letter.id.startsWith(id))) &&
    (handled || ids !== undefined || letter.handled === null)
  );
}

function checked(found: FoundLetter[], { ids = [] }: DeadLetterFilter): FoundLetter[] {
  for (const id of ids) {
    if (id.length < SHORTEST_ID)
      throw new CinedexError(
        'USAGE',
        `"${id}" is too short for a dead letter's id; give ${SHORTEST_ID} characters.`,
      );
    const fitting = found.filter(({ letter }) => letter.id.startsWith(id)).length;
    if (fitting === 0) throw new CinedexError('NOT_FOUND', `There is no dead letter "${id}".`);
    if (fitting > 1)
      throw new CinedexError('USAGE', `"${id}" fits ${fitting} dead letters; give more of it.`);
  }
  return found;
}

async function handledLetters(
  { bus, logger }: Pick<DeadLetterDeps, 'bus' | 'logger'>,
  topics: readonly string[],
): Promise<Map<string, NonNullable<ListedDeadLetter['handled']>>> {
  const handled = new Map<string, NonNullable<ListedDeadLetter['handled']>>();
  if (!topics.includes(TOPICS.dlqHandled)) return handled;
  for await (const record of bus.read(TOPICS.dlqHandled)) {
    try {
      const { letter, action, note } = decodeEvent(record).data as DeadLetterHandled;
      handled.set(letter, { action, ...(note !== undefined && { note }), at: record.timestamp });
    } catch (error) {
      logger?.warn(
        { code: toCinedexError(error).code, offset: record.offset },
        'mark of a dead letter not understood',
      );
    }
  }
  return handled;
}

/**
 * Marks letters. The log of dead letters is only ever added to, so what became of them is a record beside it, of which the
 * newest of each letter counts (the topic can be compacted).
 */
export async function markHandled(bus: EventBus, marks: readonly DeadLetterHandled[]): Promise<void> {
  if (marks.length === 0) return;
  await bus.ensureTopics([{ name: TOPICS.dlqHandled, partitions: 1, retentionMs: null }]);
  await bus.publish(
    TOPICS.dlqHandled,
    marks.map((mark) => encodeEvent('video.dead-letter-handled.v1', mark, { key: mark.letter })),
  );
}
