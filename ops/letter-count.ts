/** How many dead letters wait for somebody. */
import { TOPICS } from '../shared/contracts/events.ts';
import { type DeadLetterDeps, listDeadLetters } from './dead-letters/index.ts';

/** @returns counts them; the topics are read again only when something has been written to them since */
export function createLetterCount(deps: Pick<DeadLetterDeps, 'bus' | 'logger'>): () => Promise<number> {
  let known: { ends: string; count: Promise<number> } | undefined;

  async function ends(): Promise<string> {
    const there = await deps.bus.topics();
    const topics = [TOPICS.dlq, TOPICS.dlqHandled].filter((topic) => there.includes(topic));
    return JSON.stringify(await Promise.all(topics.map((topic) => deps.bus.offsets(topic))));
  }

  return async () => {
    const now = await ends();
    if (known?.ends !== now) {
      const counting = listDeadLetters(deps, { limit: Number.MAX_SAFE_INTEGER });
      const current = { ends: now, count: counting.then((letters) => letters.length) };
      known = current;
      // It is counted again at the next question.
      current.count.catch(() => {
        if (known === current) known = undefined;
      });
    }
    return known.count;
  };
}
