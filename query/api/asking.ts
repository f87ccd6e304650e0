/** Asks the search on behalf of a caller: within its time, and in pages. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CinedexError } from '../../shared/contracts/errors.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { SearchExample } from '../recall/examples.ts';
import type { Search } from '../search.ts';
import { callerOf } from './access.ts';
import type { SearchResults } from './answers.ts';
import { resultsOf } from './present.ts';
import type { Asked } from './questions.ts';
import type { Suggester } from './suggester.ts';

export interface AskingOptions {
  search: Search;
  /** Limit of one search, ms. */
  timeoutMs: number;
  metrics: Pick<Metrics, 'search'>;
  suggester: Pick<Suggester, 'remember'>;
}

export interface Asking {
  /** @throws CinedexError STAGE_TIMEOUT, and what the search throws */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    asked: Asked,
    example?: Omit<SearchExample, 'like'>,
  ): Promise<SearchResults>;
}

export function createAsking({ search, timeoutMs, metrics, suggester }: AskingOptions): Asking {
  return {
    async answer(request, reply, asked, example = {}) {
      const { tenant } = callerOf(request);
      const { q, cursor: _, ...rest } = asked;
      const gone = new AbortController();
      request.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort();
      });
      const late = AbortSignal.timeout(timeoutMs);
      const started = performance.now();
      let code: string | null = null;
      try {
        const signal = AbortSignal.any([gone.signal, late]);
        const answer = await search({ tenant, text: q, ...rest, ...example, signal });
        if (answer.results.length > 0 && q !== '') suggester.remember(tenant, q);
        return resultsOf(answer, null);
      } catch (error) {
        const known = late.aborted
          ? new CinedexError('STAGE_TIMEOUT', `The search took longer than ${timeoutMs} ms.`, {
              cause: error,
            })
          : error;
        code = known instanceof CinedexError ? known.code : 'STAGE_BUG';
        throw known;
      } finally {
        metrics.search(code, (performance.now() - started) / 1_000);
      }
    },
  };
}
