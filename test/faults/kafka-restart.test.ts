/** Kafka is taken away, really, in the middle of publishing and consuming. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaEventBus, openKafkaEventBus } from '../../shared/adapters/cluster/kafka-event-bus.ts';
import { loadConfig } from '../../shared/config.ts';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { BusRecord } from '../../shared/ports/event-bus.ts';
import { collect, eventually } from '../contract/waiting.ts';
import { canStartKafka, startKafka, type TestServer } from '../servers/index.ts';

const TOPIC = 'events';
const KEYS = 12;
const RECORDS = 600;
const LIMIT_MS = 90_000;

describe.skipIf(!canStartKafka())('Kafka taken away', { timeout: 150_000 }, () => {
  let server: TestServer;
  const opened: KafkaEventBus[] = [];
  beforeAll(async () => {
    server = await startKafka();
    const bus = await open();
    await bus.ensureTopics([{ name: TOPIC, partitions: 4, retentionMs: null }]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close()));
  });
  afterAll(() => server?.dispose());

  async function open(publishTimeoutMs = 60_000): Promise<KafkaEventBus> {
    const config = loadConfig({
      CINEDEX_KAFKA_BROKERS: server.url,
      CINEDEX_KAFKA_PUBLISH_TIMEOUT_MS: String(publishTimeoutMs),
    }).kafka;
    const bus = await openKafkaEventBus(config, {
      times: { sessionMs: 4_000, heartbeatMs: 200, fetchWaitMs: 100 },
    });
    opened.push(bus);
    return bus;
  }

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'and brought back (%s): nothing is lost, each key in order',
    async (signal) => {
      const publisher = await open();
      const consumer = await open();
      const handled: BusRecord[] = [];
      const subscription = await consumer.subscribe({
        group: `g-${signal}`,
        topics: [TOPIC],
        from: 'latest',
        maxBatch: 10,
        handler: async (batch) => void handled.push(...batch),
      });
      const from = new Map(
        (await publisher.offsets(TOPIC)).map(({ partition, end }) => [partition, Number(end)]),
      );

      const began = Date.now();
      let published = 0;
      const publishing = (async () => {
        for (let i = 0; i < RECORDS; i += 5) {
          await publisher.publish(
            TOPIC,
            Array.from({ length: 5 }, (_, j) => ({
              key: `k${(i + j) % KEYS}`,
              value: String(i + j),
              headers: {},
            })),
          );
          published = i + 5;
        }
      })();
      await eventually('some are published and handled', () => published >= 100 && handled.length >= 50);
      await server.stop(signal);
      const atStop = published;
      await server.restart();
      await publishing;
      expect(atStop).toBeLessThan(RECORDS);
      await eventually(
        'all are handled',
        () => new Set(handled.map(({ value }) => value)).size === RECORDS,
        LIMIT_MS,
      );
      expect(Date.now() - began).toBeLessThan(LIMIT_MS);

      for (let k = 0; k < KEYS; k++) {
        // What came again came from where it had been committed: without repetitions the order is that of publishing.
        const mine = handled.filter(({ key }) => key === `k${k}`);
        const first = [...new Map(mine.map((record) => [record.offset, record])).values()];
        const numbers = first.map(({ value }) => Number(value));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        expect(new Set(numbers).size).toBe(RECORDS / KEYS);
      }
      await eventually('everything is committed', async () => {
        const ends = await consumer.offsets(TOPIC);
        const committed = await consumer.committed(`g-${signal}`, TOPIC);
        return ends.every(
          ({ partition, end }) => committed.find((one) => one.partition === partition)?.offset === end,
        );
      });
      await subscription.stop();
      // A repetition by the producer is recognised by the broker, so the log holds each once.
      const log = (await collect(publisher.read(TOPIC))).filter(
        ({ partition, offset }) => Number(offset) >= from.get(partition)!,
      );
      expect(log.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(
        Array.from({ length: RECORDS }, (_, i) => i),
      );
    },
  );

  it('for longer than publishing is tried: it fails in time, retryable, and the next publish succeeds', async () => {
    const bus = await open(1_000);
    const seen: string[] = [];
    await bus.subscribe({
      group: 'g-limit',
      topics: [TOPIC],
      from: 'latest',
      handler: async (batch) => void seen.push(...batch.map(({ value }) => value)),
    });
    await bus.publish(TOPIC, [{ key: 'a', value: 'before', headers: {} }]);
    await server.stop();
    const began = Date.now();
    const failure = await bus
      .publish(TOPIC, [{ key: 'a', value: 'lost', headers: {} }])
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CinedexError);
    expect(failure).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    expect(Date.now() - began).toBeLessThan(20_000);
    await server.restart();
    await eventually(
      'publishing works again',
      () =>
        bus.publish(TOPIC, [{ key: 'a', value: 'after', headers: {} }]).then(
          () => true,
          () => false,
        ),
      LIMIT_MS,
    );
    await eventually('the subscription came back by itself', () => seen.includes('after'), LIMIT_MS);
    expect(seen[0]).toBe('before');
  });

  it('when nobody is there at all: opening says so', async () => {
    const config = loadConfig({ CINEDEX_KAFKA_BROKERS: '127.0.0.1:9' }).kafka;
    await expect(openKafkaEventBus(config)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
