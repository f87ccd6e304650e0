import { describe, expect, it } from 'vitest';
import { encodeEvent } from '../shared/contracts/envelope.ts';
import { TOPICS } from '../shared/contracts/events.ts';
import type { BusRecord, EventBus } from '../shared/ports/event-bus.ts';
import { createLetterCount } from './letter-count.ts';

/** A log of dead letters and marks that tells how often it was read. */
function log() {
  const topics = new Map<string, BusRecord[]>();
  let reads = 0;
  const append = (topic: string, event: { key: string; value: string; headers: Record<string, string> }) => {
    const records = topics.get(topic) ?? [];
    records.push({
      ...event,
      topic,
      partition: 0,
      offset: String(records.length),
      timestamp: records.length,
    });
    topics.set(topic, records);
  };
  const bus = {
    topics: async () => [...topics.keys()],
    offsets: async (topic: string) => [
      { partition: 0, start: '0', end: String(topics.get(topic)?.length ?? 0) },
    ],
    async *read(topic: string) {
      reads += 1;
      yield* topics.get(topic) ?? [];
    },
  } as Partial<EventBus> as EventBus;
  const letter = (id: string) =>
    append(
      TOPICS.dlq,
      encodeEvent(
        'video.dead-letter.v1',
        { reason: 'r', code: 'STAGE_BUG', hint: 'h', stage: 'ocr', attempts: 1, original: '{}' },
        { id, key: 'default/v1' },
      ),
    );
  const mark = (id: string) =>
    append(
      TOPICS.dlqHandled,
      encodeEvent('video.dead-letter-handled.v1', { letter: id, action: 'dropped' }, { key: id }),
    );
  return { bus, letter, mark, reads: () => reads };
}

describe('the count of dead letters', () => {
  it('leaves out what was seen to, and letters that were written twice', async () => {
    const { bus, letter, mark } = log();
    const count = createLetterCount({ bus });
    expect(await count()).toBe(0);
    for (const id of ['first1', 'second', 'second']) letter(id);
    expect(await count()).toBe(2);
    mark('first1');
    expect(await count()).toBe(1);
  });

  it('reads the log again only when something was written', async () => {
    const { bus, letter, reads } = log();
    letter('first1');
    const count = createLetterCount({ bus });
    expect([await count(), await count(), await count()]).toEqual([1, 1, 1]);
    expect(reads()).toBe(1);
  });

  it('is taken anew after a failure', async () => {
    const { bus, letter } = log();
    letter('first1');
    let broken = true;
    const read = bus.read;
    bus.read = (...args) => {
      if (broken) throw new Error('away');
      return read(...args);
    };
    const count = createLetterCount({ bus });
    await expect(count()).rejects.toThrow('away');
    broken = false;
    expect(await count()).toBe(1);
  });
});
