/** Several systems on one Kafka: each sees its own topics and groups, under their plain names. */
import type { EventBus } from '../../ports/event-bus.ts';

/** @param prefix put before every topic and group, such as `staging-` */
export function prefixedBus(bus: EventBus, prefix: string): EventBus {
  const outer = (name: string) => `${prefix}${name}`;
  const inner = (name: string) => name.slice(prefix.length);
  return {
    ensureTopics: (topics) =>
      bus.ensureTopics(topics.map((topic) => ({ ...topic, name: outer(topic.name) }))),
    topics: async () => (await bus.topics()).filter((name) => name.startsWith(prefix)).map(inner),
    publish: (topic, records) => bus.publish(outer(topic), records),
    async subscribe({ group, topics, handler, onError, ...rest }) {
      const plain = (batch: Parameters<typeof handler>[0]) =>
        batch.map((record) => ({ ...record, topic: inner(record.topic) }));
      const subscription = await bus.subscribe({
        ...rest,
        group: outer(group),
        topics: topics.map(outer),
        handler: (batch, signal) => handler(plain(batch), signal),
        onError: onError && ((error, batch) => onError(error, plain(batch))),
      });
      return {
        pause: (names) => subscription.pause(names?.map(outer)),
        resume: (names) => subscription.resume(names?.map(outer)),
        stop: () => subscription.stop(),
      };
    },
    async *read(topic, options) {
      for await (const record of bus.read(outer(topic), options)) yield { ...record, topic };
    },
    offsets: (topic) => bus.offsets(outer(topic)),
    committed: (group, topic) => bus.committed(outer(group), outer(topic)),
    seek: (group, topic, from) => bus.seek(outer(group), outer(topic), from),
    close: () => bus.close(),
  };
}
