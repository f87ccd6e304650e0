/** Asks the search on behalf of a caller: within its time, in pages, and not twice for the same. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { SearchExample } from '../recall/examples.ts';
import type { Search } from '../search.ts';
import { callerOf } from './access.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { SearchResults } from './answers.ts';
import type { Cursors } from './cursors.ts';
import { resultsOf } from './present.ts';
import type { Asked } from './questions.ts';
import type { Suggester } from './suggester.ts';

export interface AskingOptions {
  search: Search;
  cache: AnswerCache;
  cursors: Cursors;
  /** Limit of one search, ms. */
  timeoutMs: number;
  metrics: Pick<Metrics, 'search'>;
  suggester: Pick<Suggester, 'remember'>;
}

export interface Asking {
  /** @throws CinedexError USAGE for a cursor of something else; STAGE_TIMEOUT; what the search throws */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    asked: Asked,
    example?: Omit<SearchExample, 'like'>,
  ): Promise<SearchResults>;
}

/** Of the time there is; the rest is for loading, grading and telling what was found. */
const RECALL_SHARE = 0.7;
const SHORTEST_MS = 10;

export function createAsking(options: AskingOptions): Asking {
  const { search, cache, cursors, metrics, suggester } = options;

  async function ask(
    request: FastifyRequest,
    reply: FastifyReply,
    asked: Asked,
    example: Omit<SearchExample, 'like'> | undefined,
  ): Promise<SearchResults> {
    const { tenant } = callerOf(request);
    const { q, cursor, ...rest } = asked;
    const question = { tenant, q, filter: rest.filter, like: rest.like };
    const place = cursor === undefined ? null : cursors.read(question, cursor);
    const limitMs = deadlineOf(request, options.timeoutMs);
    const hard = AbortSignal.timeout(limitMs);
    const late = AbortSignal.timeout(Math.ceil(limitMs * RECALL_SHARE));
    const offset = place?.offset ?? 0;
    const signal = AbortSignal.any([hard, goneSignal(request, reply)]);
    const make = () => search({ tenant, text: q, ...rest, ...example, offset, signal, late });
    const started = performance.now();
    const { answer, found } = await within(
      hard,
      limitMs,
      example
        ? make().then((made) => ({ answer: made, found: false }))
        : cache.get(tenant, { q, ...rest, offset }, make),
    );
    if (place && place.generation !== answer.generation) {
      throw new CinedexError('USAGE', 'The cursor is of an earlier index; ask from the start.');
    }
    if (q !== '' && answer.results.length > 0) suggester.remember(tenant, q);
    reply.header('x-cache', found ? 'hit' : 'miss');
    const end = offset + answer.results.length;
    const next =
      // Whoever asks with a file would have to send it again.
      !example && answer.results.length > 0 && end < answer.total
        ? cursors.write(question, { offset: end, generation: answer.generation })
        : null;
    return resultsOf({ ...answer, tookMs: performance.now() - started }, next);
  }

  return {
    async answer(request, reply, asked, example) {
      const started = performance.now();
      let code: string | null = null;
      try {
        return await ask(request, reply, asked, example);
      } catch (error) {
        code = error instanceof CinedexError ? error.code : 'STAGE_BUG';
        throw error;
      } finally {
        metrics.search(code, (performance.now() - started) / 1_000);
      }
    },
  };
}

/** A caller may have less time than the server would take, never more. @throws CinedexError USAGE */
function deadlineOf({ headers }: FastifyRequest, most: number): number {
  const header = headers['x-deadline-ms'];
  if (header === undefined) return most;
  const asked = Number(header);
  if (!Number.isInteger(asked) || asked < SHORTEST_MS) {
    throw new CinedexError(
      'USAGE',
      `X-Deadline-Ms is a whole number of milliseconds, ${SHORTEST_MS} at least.`,
    );
  }
  return Math.min(asked, most);
}

/** Says of what fails after the deadline that the deadline was the cause, and does not wait for what does not end. */
async function within<T>(hard: AbortSignal, limitMs: number, work: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const tooLong = (cause?: unknown) =>
    new CinedexError('STAGE_TIMEOUT', `The search took longer than ${limitMs} ms.`, { cause });
  const onAbort = () => over.reject(tooLong());
  hard.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, over.promise]);
  } catch (error) {
    throw hard.aborted ? tooLong(error) : error;
  } finally {
    hard.removeEventListener('abort', onAbort);
  }
}

/** Aborted when whoever asked has gone. */
export function goneSignal(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  request.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
