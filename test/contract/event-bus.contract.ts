/** What every EventBus must do, whatever log is behind it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BusRecord, EventBus, OutgoingRecord } from '../../shared/ports/event-bus.ts';
import { collect, eventually, laterThan, type Opened } from './waiting.ts';

let made = 0;
/** Names of topics and groups differ between tests, for a server may be shared by them. */
const fresh = (what: string) => `${what}-${process.pid}-${made++}`;
const record = (key: string, value: string, headers: Record<string, string> = {}): OutgoingRecord => ({
  key,
  value,
  headers,
});
const values = (records: readonly BusRecord[]) => records.map(({ value }) => value);

export function eventBusContract(name: string, open: () => Promise<Opened<EventBus>>): void {
  describe(`EventBus: ${name}`, () => {
    let opened: Opened<EventBus>;
    let bus: EventBus;
    let topic: string;
    beforeEach(async () => {
      opened = await open();
      bus = opened.store;
      topic = fresh('topic');
      await bus.ensureTopics([{ name: topic, partitions: 4, retentionMs: null }]);
    });
    afterEach(() => opened.dispose());

    /** Subscribes and keeps what arrives. */
    const follow = async (
      group: string,
      options: { from?: 'earliest' | 'latest'; topics?: string[]; maxBatch?: number } = {},
    ) => {
      const seen: BusRecord[] = [];
      const subscription = await bus.subscribe({
        group,
        topics: options.topics ?? [topic],
        from: options.from,
        maxBatch: options.maxBatch,
        handler: async (batch) => void seen.push(...batch),
      });
      return { seen, subscription };
    };

    it('keeps the partition count of a topic that exists', async () => {
      await bus.ensureTopics([{ name: topic, partitions: 9, retentionMs: null }]);
      expect(await bus.offsets(topic)).toHaveLength(4);
      expect(await bus.topics()).toContain(topic);
    });

    it('gives records back whole, with their headers and positions', async () => {
      const large = 'é'.repeat(400_000);
      const before = Date.now();
      const sent = [record('a', '{"n":1}', { ce_id: '1', 名: '值' }), record('b', large), record('', '')];
      const positions = await bus.publish(topic, sent);
      const read = await collect(bus.read(topic));
      expect(read).toHaveLength(3);
      sent.forEach((original, i) => {
        const found = read.find(
          ({ partition, offset }) => partition === positions[i]!.partition && offset === positions[i]!.offset,
        );
        expect(found).toMatchObject({ ...original, topic });
        expect(found!.timestamp).toBeGreaterThanOrEqual(before - 1);
      });
    });

    it('keeps the order of a key, and a key in one partition', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.string({ maxLength: 12 }), fc.string()), { minLength: 1, maxLength: 60 }),
          async (pairs) => {
            const own = fresh('order');
            await bus.ensureTopics([{ name: own, partitions: 3, retentionMs: null }]);
            const sent = pairs.map(([key, value], i) => record(key, `${i}:${value}`));
            for (let at = 0; at < sent.length; at += 7) await bus.publish(own, sent.slice(at, at + 7));
            const read = await collect(bus.read(own));
            for (const key of new Set(sent.map((one) => one.key))) {
              const mine = read.filter((one) => one.key === key);
              expect(values(mine)).toEqual(sent.filter((one) => one.key === key).map((one) => one.value));
              expect(new Set(mine.map(({ partition }) => partition)).size).toBe(1);
            }
            expect(read).toHaveLength(sent.length);
          },
        ),
        { numRuns: 15 },
      );
    });

    it('gives concurrent publishes distinct, dense offsets', async () => {
      const positions = (
        await Promise.all(
          Array.from({ length: 200 }, (_, i) => bus.publish(topic, [record(`k${i % 20}`, `${i}`)])),
        )
      ).flat();
      expect(new Set(positions.map(({ partition, offset }) => `${partition}:${offset}`)).size).toBe(200);
      for (const { partition, start, end } of await bus.offsets(topic)) {
        expect(start).toBe('0');
        expect(Number(end)).toBe(positions.filter((position) => position.partition === partition).length);
      }
    });

    it('refuses a topic that does not exist, without harm to other publishes', async () => {
      const [good, bad] = await Promise.allSettled([
        bus.publish(topic, [record('a', '1')]),
        bus.publish(fresh('absent'), [record('a', '1')]),
      ]);
      expect(good.status).toBe('fulfilled');
      expect(bad.status).toBe('rejected');
    });

    it('delivers what was there and what comes, to each group once', async () => {
      await bus.publish(topic, [record('a', '1')]);
      const first = await follow(fresh('group'));
      const second = await follow(fresh('group'));
      await bus.publish(topic, [record('a', '2')]);
      for (const { seen } of [first, second]) {
        await eventually('both records arrive', () => seen.length === 2);
        expect(values(seen)).toEqual(['1', '2']);
      }
    });

    it('gives a record to one member of a group, and to the other when that one leaves', async () => {
      const group = fresh('group');
      const first = await follow(group);
      const second = await follow(group);
      const sent = Array.from({ length: 40 }, (_, i) => record(`k${i}`, `${i}`));
      await bus.publish(topic, sent);
      const all = () => values([...first.seen, ...second.seen]).sort();
      await eventually('all arrive', () => all().length >= 40);
      expect(all()).toEqual(values(sent as BusRecord[]).sort());
      await first.subscription.stop();
      const before = second.seen.length;
      await bus.publish(topic, sent);
      await eventually('the other member takes over', () => second.seen.length === before + 40);
    });

    it('begins at the end where a new group asks for the latest', async () => {
      await bus.publish(topic, [record('a', 'old')]);
      const { seen } = await follow(fresh('group'), { from: 'latest' });
      await bus.publish(topic, [record('a', 'new')]);
      await eventually('the new record arrives', () => seen.length > 0);
      expect(values(seen)).toEqual(['new']);
    });

    it('commits after the handler, and goes on from there', async () => {
      const group = fresh('group');
      const { seen, subscription } = await follow(group);
      const [position] = await bus.publish(topic, [record('a', '1')]);
      await eventually('the record arrives', () => seen.length === 1);
      await subscription.stop();
      const offsets = await bus.committed(group, topic);
      expect(offsets.find(({ partition }) => partition === position!.partition)?.offset).toBe('1');
      await bus.publish(topic, [record('a', '2')]);
      const next = await follow(group);
      await eventually('only the second arrives', () => next.seen.length > 0);
      expect(values(next.seen)).toEqual(['2']);
    });

    it('brings a rejected batch again, in order, and tells of the error', async () => {
      const calls: string[][] = [];
      const errors: unknown[] = [];
      const group = fresh('group');
      await bus.publish(topic, [record('a', '1'), record('a', '2')]);
      await bus.subscribe({
        group,
        topics: [topic],
        handler: async (batch) => {
          calls.push(values(batch));
          if (calls.length < 3) throw new Error(`refusal ${calls.length}`);
        },
        onError: (error) => void errors.push(error),
      });
      await eventually('the offset is committed', async () =>
        (await bus.committed(group, topic)).some(({ offset }) => offset === '2'),
      );
      expect(calls).toEqual([
        ['1', '2'],
        ['1', '2'],
        ['1', '2'],
      ]);
      expect(errors.map(String)).toEqual(['Error: refusal 1', 'Error: refusal 2']);
    });

    it('does not run ahead of a failing partition, nor hold up the others', async () => {
      const stuck = record('stuck', 's');
      const [position] = await bus.publish(topic, [stuck]);
      const other = Array.from({ length: 40 }, (_, i) => record(`key${i}`, 'fine'));
      const positions = await bus.publish(topic, other);
      const elsewhere = positions.filter(({ partition }) => partition !== position!.partition).length;
      expect(elsewhere).toBeGreaterThan(0);
      let fine = 0;
      const group = fresh('group');
      await bus.subscribe({
        group,
        topics: [topic],
        handler: async (batch) => {
          if (batch[0]!.partition === position!.partition) throw new Error('stuck');
          fine += batch.length;
        },
      });
      await eventually('the other partitions are done', () => fine === elsewhere);
      const stays = (await bus.committed(group, topic)).find(
        ({ partition }) => partition === position!.partition,
      );
      expect(['0', null]).toContain(stays!.offset);
    });

    it('limits a batch to maxBatch and to one partition', async () => {
      await bus.publish(
        topic,
        Array.from({ length: 50 }, (_, i) => record(`k${i}`, `${i}`)),
      );
      const sizes: number[] = [];
      const mixed: boolean[] = [];
      let total = 0;
      await bus.subscribe({
        group: fresh('group'),
        topics: [topic],
        maxBatch: 4,
        handler: async (batch) => {
          sizes.push(batch.length);
          mixed.push(new Set(batch.map(({ partition }) => partition)).size > 1);
          total += batch.length;
        },
      });
      await eventually('all arrive', () => total === 50);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
      expect(mixed).not.toContain(true);
    });

    it('pauses one topic and resumes it', async () => {
      const other = fresh('topic');
      await bus.ensureTopics([{ name: other, partitions: 1, retentionMs: null }]);
      const { seen, subscription } = await follow(fresh('group'), { topics: [topic, other] });
      subscription.pause([topic]);
      await bus.publish(topic, [record('a', 'held')]);
      await bus.publish(other, [record('a', 'free')]);
      await eventually('the other topic flows', () => seen.length > 0);
      expect(values(seen)).toEqual(['free']);
      subscription.resume([topic]);
      await eventually('the held record arrives', () => seen.length === 2);
      expect(values(seen)).toEqual(['free', 'held']);
    });

    it('stops only after the handler in progress, whose work is committed', async () => {
      const group = fresh('group');
      let begun = false;
      let finish: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const subscription = await bus.subscribe({
        group,
        topics: [topic],
        handler: async () => {
          begun = true;
          await gate;
        },
      });
      await bus.publish(topic, [record('a', '1')]);
      await eventually('the handler runs', () => begun);
      let stopped = false;
      const stopping = subscription.stop().then(() => {
        stopped = true;
      });
      await new Promise(setImmediate);
      expect(stopped).toBe(false);
      finish();
      await stopping;
      expect((await bus.committed(group, topic)).map(({ offset }) => offset)).toContain('1');
    });

    it('reads from an offset, from a time, and up to a time', async () => {
      const own = fresh('replay');
      await bus.ensureTopics([{ name: own, partitions: 1, retentionMs: null }]);
      for (const value of ['1', '2', '3']) {
        await bus.publish(own, [record('a', value)]);
        await laterThan((await collect(bus.read(own))).at(-1)!.timestamp);
      }
      const all = await collect(bus.read(own));
      const second = all[1]!.timestamp;
      expect(values(await collect(bus.read(own, { from: { offset: '1' } })))).toEqual(['2', '3']);
      expect(values(await collect(bus.read(own, { from: { timestamp: second } })))).toEqual(['2', '3']);
      expect(values(await collect(bus.read(own, { until: second })))).toEqual(['1']);
      expect(values(await collect(bus.read(own, { from: { timestamp: Date.now() + 60_000 } })))).toEqual([]);
      expect(values(await collect(bus.read(own, { partition: 0 })))).toEqual(['1', '2', '3']);
    });

    it('reads only what was there when it began', async () => {
      await bus.publish(topic, [record('a', '1')]);
      const read: string[] = [];
      for await (const { value } of bus.read(topic)) {
        read.push(value);
        await bus.publish(topic, [record('a', `${value}+`)]);
      }
      expect(read).toEqual(['1']);
    });

    it('moves a group that is not running', async () => {
      const group = fresh('group');
      const first = await follow(group);
      await bus.publish(topic, [record('a', '1'), record('a', '2'), record('a', '3')]);
      await eventually('all arrive', () => first.seen.length === 3);
      await first.subscription.stop();
      await bus.seek(group, topic, { offset: '1' });
      const again = await follow(group);
      await eventually('two come again', () => again.seen.length === 2);
      expect(values(again.seen)).toEqual(['2', '3']);
      await again.subscription.stop();
      await bus.seek(group, topic, 'earliest');
      const whole = await follow(group);
      await eventually('all come again', () => whole.seen.length === 3);
    });

    it('has everything after it was opened again', async (context) => {
      if (!opened.reopen) return context.skip();
      const group = fresh('group');
      const before = await follow(group);
      await bus.publish(topic, [record('a', '1')]);
      await eventually('it arrives', () => before.seen.length === 1);
      await before.subscription.stop();
      await bus.publish(topic, [record('a', '2')]);
      bus = await opened.reopen();
      expect(values(await collect(bus.read(topic)))).toEqual(['1', '2']);
      const after = await follow(group);
      await eventually('the rest arrives', () => after.seen.length > 0);
      expect(values(after.seen)).toEqual(['2']);
    });
  });
}
