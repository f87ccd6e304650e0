import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SqliteEventBus } from '../../shared/adapters/embedded/sqlite-event-bus.ts';
import { partitionOf } from '../../shared/adapters/partitioner.ts';
import { eventBusContract } from './event-bus.contract.ts';
import { collect, openInFolder } from './waiting.ts';

eventBusContract('SQLite', () =>
  openInFolder(async (folder) => new SqliteEventBus(path.join(folder, 'events.db'))),
);

describe('SqliteEventBus', () => {
  it('drops what has outlived its retention, and goes on counting', async () => {
    let now = 1_000_000;
    const { store: bus, dispose } = await openInFolder(
      async (folder) => new SqliteEventBus(path.join(folder, 'events.db'), { now: () => now }),
    );
    const spec = { name: 't', partitions: 1, retentionMs: 10_000 };
    await bus.ensureTopics([spec]);
    await bus.publish('t', [{ key: 'a', value: 'old', headers: {} }]);
    now += 9_000;
    await bus.publish('t', [{ key: 'a', value: 'young', headers: {} }]);
    now += 5_000;
    bus.dropExpired();
    const left = await collect(bus.read('t'));
    expect(left.map(({ value, offset }) => [value, offset])).toEqual([['young', '1']]);
    expect(await bus.offsets('t')).toEqual([{ partition: 0, start: '1', end: '2' }]);
    now += 60_000;
    bus.dropExpired();
    expect(await bus.offsets('t')).toEqual([{ partition: 0, start: '2', end: '2' }]);
    expect(await bus.publish('t', [{ key: 'a', value: 'new', headers: {} }])).toEqual([
      { partition: 0, offset: '2' },
    ]);
    await dispose();
  });
});

describe('partitionOf', () => {
  // Values of org.apache.kafka.common.utils.Utils.murmur2, from Kafka's own UtilsTest.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ])('lands %s where Kafka lands it', (key, murmur2) => {
    expect(partitionOf(key, 2 ** 31)).toBe(murmur2 & 0x7fffffff);
    expect(partitionOf(key, 8)).toBe((murmur2 & 0x7fffffff) % 8);
  });
});
