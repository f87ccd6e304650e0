/** Which backfills there are: a topic of their states, of which the newest of each counts. */
import type { BackfillState } from '../../shared/contracts/backfill.ts';
import { decodeEvent, encodeEvent } from '../../shared/contracts/envelope.ts';
import { CinedexError, toCinedexError } from '../../shared/contracts/errors.ts';
import { TOPICS } from '../../shared/contracts/events.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { BackfillDeps, ListedBackfill } from './types.ts';

/** Name of a backfill's consumer group. */
export function groupOf(id: string): string {
  return `cinedex-backfill-${id}`;
}

export async function writeState(bus: EventBus, state: BackfillState): Promise<void> {
  await bus.ensureTopics([{ name: TOPICS.backfills, partitions: 1, retentionMs: null }]);
  await bus.publish(TOPICS.backfills, [encodeEvent('video.backfill.v1', state, { key: state.plan.id })]);
}

async function readStates({ bus, logger }: Pick<BackfillDeps, 'bus' | 'logger'>): Promise<BackfillState[]> {
  if (!(await bus.topics()).includes(TOPICS.backfills)) return [];
  const newest = new Map<string, BackfillState>();
  for await (const record of bus.read(TOPICS.backfills)) {
    try {
      newest.set(record.key, decodeEvent(record).data as BackfillState);
    } catch (error) {
      // A later version may have written what this one cannot read; the other backfills are still there.
      logger?.warn(
        { code: toCinedexError(error).code, key: record.key },
        'state of a backfill not understood',
      );
    }
  }
  return [...newest.values()].sort((a, b) => b.plan.createdAt - a.plan.createdAt);
}

/** The newest state of a backfill. @throws CinedexError NOT_FOUND */
export async function findBackfill(
  deps: Pick<BackfillDeps, 'bus' | 'logger'>,
  id: string,
): Promise<BackfillState> {
  const found = (await readStates(deps)).find(({ plan }) => plan.id === id);
  if (!found) throw new CinedexError('NOT_FOUND', `There is no backfill "${id}".`);
  return found;
}

/** All backfills, the newest first, each with how far its group has come. */
export async function listBackfills(deps: Pick<BackfillDeps, 'bus' | 'logger'>): Promise<ListedBackfill[]> {
  const states = await readStates(deps);
  return Promise.all(states.map(async (state) => ({ ...state, replayed: await replayed(deps.bus, state) })));
}

async function replayed(bus: EventBus, { plan }: BackfillState): Promise<number | null> {
  const topics = Object.entries(plan.ranges);
  if (topics.length === 0) return null;
  let sum = 0n;
  for (const [topic, ranges] of topics) {
    const committed = await bus.committed(groupOf(plan.id), topic);
    for (const { partition, from, to } of ranges) {
      const at = committed.find((each) => each.partition === partition)?.offset;
      if (at === null || at === undefined) continue;
      const [first, last, here] = [BigInt(from), BigInt(to), BigInt(at)];
      if (here > first) sum += (here < last ? here : last) - first;
    }
  }
  return Number(sum);
}

/**
 * Ends an open backfill: whoever runs it stops within seconds. What it has handed to workers is finished.
 * @throws CinedexError NOT_FOUND, USAGE when it has ended
 */
export async function cancelBackfill(
  deps: Pick<BackfillDeps, 'bus' | 'logger'>,
  id: string,
): Promise<BackfillState> {
  const state = await findBackfill(deps, id);
  if (state.state !== 'open') throw new CinedexError('USAGE', `Backfill ${id} is ${state.state} already.`);
  const cancelled: BackfillState = { ...state, state: 'cancelled' };
  await writeState(deps.bus, cancelled);
  return cancelled;
}
