/** The page that people search with, where it has been built; else a plain word on how to get it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Where `vite build` leaves it. */
export const PAGE_FOLDER = fileURLToPath(new URL('../web/dist', import.meta.url));

/** No script but the page's own files; videos may lie on other servers. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob: https:",
  ...["object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
].join('; ');

const HINT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Cinedex</title>
<h1>Cinedex</h1>
<p>The search page has not been built yet: run <code>npm run build:web</code>, then start again.</p>
<p>The API is there: see <a href="/docs">its description</a>.</p></html>
`;

/** Files of the page at their names; its views (`/videos/…`) are shown by its one document. */
export async function servePage(server: FastifyInstance, folder = PAGE_FOLDER): Promise<void> {
  const config = { scope: 'public' } as const;
  const schema = { hide: true };
  const isBuilt = existsSync(path.join(folder, 'index.html'));
  const headers = { 'content-security-policy': POLICY, 'cache-control': 'no-cache' };
  if (isBuilt) {
    await server.register(fastifyStatic, {
      root: folder,
      serve: false,
      cacheControl: false,
      dotfiles: 'deny',
    });
    // The names of built files hold their hash.
    server.get('/assets/*', { config, schema }, (request, reply) =>
      reply
        .header('cache-control', 'public, max-age=31536000, immutable')
        .sendFile(`assets/${(request.params as { '*': string })['*']}`),
    );
    server.get('/favicon.svg', { config, schema }, (_, reply) => reply.sendFile('favicon.svg'));
  }
  for (const url of ['/', '/videos/*']) {
    server.get(url, { config, schema }, (_, reply) => {
      reply.headers(headers);
      return isBuilt ? reply.sendFile('index.html') : reply.type('text/html; charset=utf-8').send(HINT);
    });
  }
}
