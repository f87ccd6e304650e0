/** `/v1/suggest`. */
import { callerOf } from '../access.ts';
import { Suggestions } from '../answers.ts';
import { SuggestQuery } from '../questions.ts';
import { type Api, type Routes, refusals } from '../routes.ts';

export function suggestRoutes(server: Api, { suggester }: Routes): void {
  server.get(
    '/v1/suggest',
    {
      config: { scope: 'search' },
      schema: {
        summary: 'What the question may become',
        tags: ['search'],
        querystring: SuggestQuery,
        response: { 200: Suggestions, ...refusals },
      },
    },
    async (request) => {
      const { q, limit } = request.query;
      return { suggestions: await suggester.suggest(callerOf(request).tenant, q, limit) };
    },
  );
}
