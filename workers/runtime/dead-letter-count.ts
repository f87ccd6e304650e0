/** Counts dead letters where all of them pass: at the event bus, whoever writes them. */
import { TOPICS } from '../../shared/contracts/events.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';

/** The same bus; `count` is told of each dead letter once it is durable. */
export function countingDeadLetters(bus: EventBus, count: (stage: string, code: string) => void): EventBus {
  return {
    ensureTopics: (topics) => bus.ensureTopics(topics),
    topics: () => bus.topics(),
    publish: async (topic, records) => {
      const places = await bus.publish(topic, records);
      if (topic === TOPICS.dlq) {
        for (const { headers } of records) count(headers.stage ?? 'unknown', headers.code ?? 'unknown');
      }
      return places;
    },
    subscribe: (options) => bus.subscribe(options),
    read: (topic, options) => bus.read(topic, options),
    offsets: (topic) => bus.offsets(topic),
    committed: (group, topic) => bus.committed(group, topic),
    seek: (group, topic, from) => bus.seek(group, topic, from),
    close: () => bus.close(),
  };
}
