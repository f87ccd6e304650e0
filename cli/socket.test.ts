import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CinedexError } from '../shared/contracts/errors.ts';
import type { Operations } from './operations.ts';
import { connectOperations, serveOperations, socketPath } from './socket.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-socket-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function operations(own: Partial<Operations>): Operations {
  return own as Operations;
}

describe('operations through a socket', () => {
  it('carry arguments, progress, answers and errors', async () => {
    const file = path.join(folder, 'a.sock');
    const close = await serveOperations(
      operations({
        publish: async ({ events }) => ({ published: events.length }),
        settled: async ({ refs }, onProgress) => {
          onProgress?.({ total: refs!.length, settled: 0, running: [] });
          return [];
        },
        video: async ({ videoId }) => {
          throw new CinedexError('NOT_FOUND', `No video "${videoId}".`);
        },
      }),
      file,
    );
    try {
      const remote = (await connectOperations(file))!;
      expect(await remote.publish({ events: [] })).toEqual({ published: 0 });
      const seen: unknown[] = [];
      await remote.settled({ refs: [{ tenant: 'default', videoId: 'v' }] }, (progress) =>
        seen.push(progress),
      );
      expect(seen).toEqual([{ total: 1, settled: 0, running: [] }]);
      await expect(remote.video({ tenant: 'default', videoId: 'v' })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'No video "v".',
      });
    } finally {
      await close();
    }
  });

  it('are open to this user only, and gone when the server closes', async () => {
    const file = path.join(folder, 'b.sock');
    const close = await serveOperations(operations({}), file);
    expect(statSync(file).mode & 0o077).toBe(0);
    await close();
    expect(await connectOperations(file)).toBeUndefined();
  });

  it('stop on the other side when the caller gives up', async () => {
    const file = path.join(folder, 'c.sock');
    const gone = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const close = await serveOperations(
      operations({
        settled: (_, __, signal) => {
          signal!.addEventListener('abort', () => gone.resolve());
          started.resolve();
          return new Promise(() => undefined);
        },
      }),
      file,
    );
    try {
      const remote = (await connectOperations(file))!;
      const stop = new AbortController();
      const waiting = remote.settled({}, undefined, stop.signal);
      await started.promise;
      stop.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
      await gone.promise;
    } finally {
      await close();
    }
  });

  it('are not found behind what a killed process left', async () => {
    const file = path.join(folder, 'd.sock');
    writeFileSync(file, '');
    expect(await connectOperations(file)).toBeUndefined();
  });

  it('have a path that every system can open, however deep the data folder', () => {
    expect(socketPath('/data')).toBe('/data/cinedex.sock');
    const deep = `/data/${'x'.repeat(200)}`;
    expect(socketPath(deep).length).toBeLessThan(100);
    expect(socketPath(deep)).not.toBe(socketPath(`${deep}y`));
  });
});
