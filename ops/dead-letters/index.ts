/** Dead letters: look at what failed for good, send it through once more, or put it aside. */
import { CinedexError, toCinedexError } from '../../shared/contracts/errors.ts';
import type { EventBus, OutgoingRecord } from '../../shared/ports/event-bus.ts';
import { type FoundLetter, findLetters, markHandled } from './letters.ts';
import type { DeadLetterDeps, DeadLetterFilter, HandledDeadLetter, ListedDeadLetter } from './types.ts';

export type { DeadLetterDeps, DeadLetterFilter, HandledDeadLetter, ListedDeadLetter } from './types.ts';

/** What the intake writes into the field `stage`: the event itself was refused. */
const INTAKE = 'intake';

/** The dead letters that match, the newest first. @throws CinedexError USAGE, NOT_FOUND for ids that do not fit */
export async function listDeadLetters(
  deps: Pick<DeadLetterDeps, 'bus' | 'logger'>,
  filter: DeadLetterFilter = {},
): Promise<ListedDeadLetter[]> {
  return (await findLetters(deps, filter)).map(({ letter }) => letter);
}

/**
 * Sends the matching letters through once more, the oldest first: a failed stage runs again with a fresh count of attempts, an
 * event that was refused goes back to the topic that it came from, with its own id, so it is applied once at most. A letter is
 * marked once that is durable.
 * @returns what became of each; one that is `refused` stays as it was
 */
export async function replayDeadLetters(
  deps: DeadLetterDeps,
  filter: DeadLetterFilter,
  options: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
): Promise<HandledDeadLetter[]> {
  const found = (await findLetters(deps, filter)).reverse();
  const results: HandledDeadLetter[] = [];
  for (const each of found) {
    if (options.signal?.aborted) break;
    const { id } = each.letter;
    try {
      const note = each.letter.stage === INTAKE ? await sendBack(deps.bus, each) : await runAgain(deps, each);
      await markHandled(deps.bus, [{ letter: id, action: 'replayed', note }]);
      results.push({ id, outcome: 'replayed', note });
    } catch (error) {
      const { retryable, message, code } = toCinedexError(error);
      if (retryable) throw error;
      results.push({ id, outcome: 'refused', note: `${code}: ${message}` });
    }
    options.onProgress?.(results.length, found.length);
  }
  return results;
}

/** Marks the matching letters as seen to: they are listed no more, unless handled ones are asked for. */
export async function dropDeadLetters(
  { bus, logger }: Pick<DeadLetterDeps, 'bus' | 'logger'>,
  filter: DeadLetterFilter,
  reason?: string,
): Promise<HandledDeadLetter[]> {
  const found = await findLetters({ bus, logger }, filter);
  const note = reason?.slice(0, 1_000);
  await markHandled(
    bus,
    found.map(({ letter }) => ({ letter: letter.id, action: 'dropped', ...(note && { note }) })),
  );
  return found.map(({ letter }) => ({ id: letter.id, outcome: 'dropped', note: note ?? '' }));
}

async function runAgain({ retry, status }: DeadLetterDeps, { letter }: FoundLetter): Promise<string> {
  const { tenant, videoId, stage } = letter;
  if (tenant === null || videoId === null) throw new CinedexError('NOT_FOUND', 'The letter names no video.');
  const ref = { tenant, videoId };
  const stages = await retry(ref, { stage });
  if (stages.length > 0) return `${stages.join(', ')} runs again`;
  const video = await status(ref);
  if (!video) throw new CinedexError('NOT_FOUND', `There is no video "${videoId}" any more.`);
  return video.deleted ? 'the video has been deleted since' : `${stage} had not failed any more`;
}

async function sendBack(bus: EventBus, { letter, record }: FoundLetter): Promise<string> {
  const { origin } = letter;
  if (!origin)
    throw new CinedexError('NOT_FOUND', 'The letter does not say which topic its event came from.');
  const original = (await atOrigin(bus, origin)) ?? kept(letter, record.key);
  if (!original)
    throw new CinedexError(
      'NOT_FOUND',
      `The event is not on ${origin.topic} any more, and it was too long to be kept.`,
    );
  const [position] = await bus.publish(origin.topic, [original]);
  return `sent to ${origin.topic} again, at ${position?.partition}:${position?.offset}`;
}

async function atOrigin(
  bus: EventBus,
  { topic, partition, offset }: NonNullable<ListedDeadLetter['origin']>,
): Promise<OutgoingRecord | undefined> {
  for await (const { key, value, headers, ...place } of bus.read(topic, { partition, from: { offset } })) {
    return place.offset === offset ? { key, value, headers } : undefined;
  }
  return undefined;
}

function kept(letter: ListedDeadLetter, key: string): OutgoingRecord | undefined {
  const { original, originalLength, originalHeaders } = letter;
  if (originalLength !== undefined || !originalHeaders) return undefined;
  return { key, value: original, headers: originalHeaders };
}
