/** Where a backfill gets its videos from: events of topics, or the ledger. */
import type { BackfillRequest, OffsetRange } from '../../shared/contracts/backfill.ts';
import type { VideoRef } from '../../shared/contracts/common.ts';
import { VideoRef as VideoRefSchema } from '../../shared/contracts/common.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { BusRecord, EventBus, ReadFrom } from '../../shared/ports/event-bus.ts';

/** Videos whose records are read from the ledger side by side; live work waits behind them. */
export const READ_AT_ONCE = 10;

/** The video an event is about, from its record's key (`tenant/videoId`); undefined for a record that is about none. */
export function refOf(record: Pick<BusRecord, 'key'>): VideoRef | undefined {
  const slash = record.key.indexOf('/');
  const parsed = VideoRefSchema.safeParse({
    tenant: record.key.slice(0, slash),
    videoId: record.key.slice(slash + 1),
  });
  return slash > 0 && parsed.success ? parsed.data : undefined;
}

/** Where reading a topic begins for this request; offsets are the smallest of those asked for. */
export function beginning(request: BackfillRequest): ReadFrom {
  if (request.offsets?.length) {
    const [first] = request.offsets.map(({ from }) => BigInt(from)).sort((a, b) => (a < b ? -1 : 1));
    return { offset: String(first) };
  }
  return request.since === undefined ? 'earliest' : { timestamp: request.since };
}

/** Whether the request asks for this event. */
export function isAsked(record: BusRecord, request: BackfillRequest): boolean {
  const { since, until, offsets } = request;
  if (since !== undefined && record.timestamp < since) return false;
  if (until !== undefined && record.timestamp >= until) return false;
  if (!offsets) return true;
  return offsets.some(({ partition, from, to }) => {
    const offset = BigInt(record.offset);
    return partition === record.partition && offset >= BigInt(from) && offset < BigInt(to);
  });
}

/**
 * Every event that the request asks for and that is there now, oldest first within its partition.
 * @throws CinedexError NOT_FOUND for a topic that does not exist
 */
export async function* askedEvents(bus: EventBus, request: BackfillRequest): AsyncIterable<BusRecord> {
  const known = await bus.topics();
  const { until } = request;
  for (const topic of request.topics) {
    if (!known.includes(topic)) throw new CinedexError('NOT_FOUND', `There is no topic "${topic}".`);
    const parts = request.offsets ?? [undefined];
    for (const part of parts) {
      const from = part ? { offset: part.from } : beginning(request);
      for await (const record of bus.read(topic, { from, partition: part?.partition, until })) {
        if (part && BigInt(record.offset) >= BigInt(part.to)) break;
        if (isAsked(record, request)) yield record;
      }
    }
  }
}

/** Collects, by topic and partition, from the first to the last event that was seen. */
export class Ranges {
  readonly #ranges = new Map<string, Map<number, { from: bigint; to: bigint }>>();

  add({ topic, partition, offset }: Pick<BusRecord, 'topic' | 'partition' | 'offset'>): void {
    const parts = this.#ranges.get(topic) ?? new Map<number, { from: bigint; to: bigint }>();
    this.#ranges.set(topic, parts);
    const at = BigInt(offset);
    const range = parts.get(partition);
    if (!range) parts.set(partition, { from: at, to: at + 1n });
    else {
      if (at < range.from) range.from = at;
      if (at >= range.to) range.to = at + 1n;
    }
  }

  toJSON(): Record<string, OffsetRange[]> {
    return Object.fromEntries(
      [...this.#ranges].map(([topic, parts]) => [
        topic,
        [...parts]
          .map(([partition, { from, to }]) => ({ partition, from: String(from), to: String(to) }))
          .sort((a, b) => a.partition - b.partition),
      ]),
    );
  }
}
