/** `/v1/session` and `/v1/me`: the page's way to be known, for pictures and videos cannot send a key. */
import { z } from 'zod';
import { single } from '../../../shared/http/asking.ts';
import { callerOf } from '../access.ts';
import { Me } from '../answers.ts';
import { type Api, type Routes, refusals } from '../routes.ts';
import { COOKIE } from '../sessions.ts';

export function sessionRoutes(server: Api, { access, sessions }: Routes): void {
  const tags = ['access'];
  server.post(
    '/v1/session',
    {
      config: { scope: 'public' },
      schema: {
        summary: 'Sign in: a cookie for the key',
        tags,
        body: z.strictObject({ key: z.string().min(1).max(200) }),
        response: { 200: Me, ...refusals },
      },
    },
    async (request, reply) => {
      const { id, tenant, scopes } = await access.enter(request, request.body.key);
      // Behind a proxy that speaks TLS the cookie shall travel over TLS only.
      const secure = single(request.headers['x-forwarded-proto']) === 'https' || request.protocol === 'https';
      reply.setCookie(COOKIE, sessions.issue(id), {
        ...{ path: '/', httpOnly: true, sameSite: 'strict', maxAge: sessions.seconds, secure },
      });
      return { tenant, scopes, open: false };
    },
  );
  server.delete(
    '/v1/session',
    {
      config: { scope: 'any' },
      schema: { summary: 'Sign out', tags, response: { 204: z.null(), ...refusals } },
    },
    async (_, reply) => {
      reply.clearCookie(COOKIE, { path: '/', httpOnly: true, sameSite: 'strict' });
      return reply.code(204).send(null);
    },
  );
  server.get(
    '/v1/me',
    { config: { scope: 'any' }, schema: { summary: 'Who I am', tags, response: { 200: Me, ...refusals } } },
    async (request) => {
      const { tenant, scopes, key } = callerOf(request);
      return { tenant, scopes: [...scopes], open: key === null };
    },
  );
}
