import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { servePage } from './page.ts';

async function serve(files: Record<string, string>) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-page-'));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const server = Fastify();
  await servePage(server, folder);
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return (url: string) => server.inject(url);
}

describe('the page', () => {
  it('is one document for all views, with a policy that runs no script but its files', async () => {
    const get = await serve({ 'index.html': '<p>page</p>', 'assets/main-1.js': 'main', '.secret': 'x' });
    for (const url of ['/', '/?q=harbour', '/videos/a%20b?t=3']) {
      const response = await get(url);
      expect([response.statusCode, response.body], url).toEqual([200, '<p>page</p>']);
      const policy = String(response.headers['content-security-policy']);
      expect(policy).toContain("default-src 'self'");
      expect(policy).not.toContain('unsafe');
      expect(response.headers['cache-control']).toBe('no-cache');
    }
    const script = await get('/assets/main-1.js');
    expect([script.body, script.headers['cache-control']]).toEqual([
      'main',
      expect.stringContaining('immutable'),
    ]);
    for (const url of [
      '/assets/none.js',
      '/assets/../.secret',
      '/assets/..%2f.secret',
      '/.secret',
      '/other',
    ]) {
      expect([400, 403, 404], url).toContain((await get(url)).statusCode);
    }
  });

  it('says how to build it where it is not there', async () => {
    const get = await serve({});
    expect((await get('/')).body).toContain('npm run build:web');
    expect((await get('/assets/main.js')).statusCode).toBe(404);
  });
});
