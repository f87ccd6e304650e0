/** How far a consumer group is behind. */
import type { EventBus } from '../../shared/ports/event-bus.ts';

/** Records of the topic that the group has not taken; what retention dropped unread does not count. */
export async function lagOf(
  bus: Pick<EventBus, 'offsets' | 'committed'>,
  group: string,
  topic: string,
): Promise<number> {
  const committed = new Map(
    (await bus.committed(group, topic)).map(({ partition, offset }) => [partition, offset]),
  );
  let lag = 0n;
  for (const { partition, start, end } of await bus.offsets(topic)) {
    const at = BigInt(committed.get(partition) ?? start);
    const from = at > BigInt(start) ? at : BigInt(start);
    if (BigInt(end) > from) lag += BigInt(end) - from;
  }
  return Number(lag);
}
