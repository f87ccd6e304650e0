/** `/v1/search` and what is asked by likeness to what is indexed already. */
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { stringOf } from '../../payload.ts';
import { callerOf } from '../access.ts';
import { SearchResults } from '../answers.ts';
import {
  type Asked,
  askedByBody,
  askedByQuery,
  SearchBody,
  SearchQuery,
  SimilarQuery,
} from '../questions.ts';
import { type Api, MomentPath, type Routes, refusals } from '../routes.ts';

export function searchRoutes(server: Api, { services, asking }: Routes): void {
  const response = { 200: SearchResults, ...refusals };
  server.get(
    '/v1/search',
    {
      config: { scope: 'search' },
      schema: {
        summary: 'Find videos, and the moments in them',
        tags: ['search'],
        querystring: SearchQuery,
        response,
      },
    },
    (request, reply) => asking.answer(request, reply, askedByQuery(request.query)),
  );
  server.post(
    '/v1/search',
    {
      config: { scope: 'search' },
      schema: { summary: 'The same, as JSON', tags: ['search'], body: SearchBody, response },
    },
    (request, reply) => asking.answer(request, reply, askedByBody(request.body)),
  );
  server.get(
    '/v1/moments/:id/similar',
    {
      config: { scope: 'search' },
      schema: {
        summary: 'Moments like this one',
        tags: ['search'],
        params: MomentPath,
        querystring: SimilarQuery,
        response,
      },
    },
    async (request, reply) => {
      const { tenant } = callerOf(request);
      const { id } = request.params;
      const generation = await services.index.active();
      const [point] = generation === null ? [] : await services.index.get(generation, 'moments', [id]);
      // A moment of another tenant is as unknown as any.
      if (point?.payload.tenant !== tenant) throw new CinedexError('NOT_FOUND', `There is no moment ${id}.`);
      const { limit, moments, cursor } = request.query;
      const asked: Asked = {
        ...{ q: '', filter: {}, limit, moments, cursor, explain: false, weak: false },
        like: { video: stringOf(point.payload.video), moment: id },
      };
      return asking.answer(request, reply, asked);
    },
  );
}
