import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mediaFolder } from '../../test/fixtures/media.ts';
import { loadConfig } from '../config.ts';
import { createMediaAccess, type MediaAccessOptions } from './media-access.ts';
import { isPublicAddress } from './remote.ts';

const logger = pino({ level: 'silent' });
const never = new AbortController().signal;
const root = mediaFolder();
const sha256 = (bytes: string) => createHash('sha256').update(bytes).digest('hex');

function access(environment: Record<string, string> = {}, options: Partial<MediaAccessOptions> = {}) {
  const { media } = loadConfig({
    CINEDEX_MEDIA_ROOTS: root,
    CINEDEX_MEDIA_MAX_BYTES: '1000',
    ...environment,
  });
  return createMediaAccess(media, { dataDir: mediaFolder(), logger, ...options });
}

describe('files', () => {
  test('are opened by path and by uri, under a name of ours', async () => {
    await writeFile(path.join(root, 'a b%.mp4'), 'bytes');
    for (const uri of [path.join(root, 'a b%.mp4'), `file://${root}/a%20b%25.mp4`]) {
      const opened = await access().open({ uri, sha256: sha256('bytes') }, never);
      expect(await readFile(opened.path, 'utf8')).toBe('bytes');
      expect(opened.path).toMatch(/[0-9a-f-]{36}$/);
      await opened.release();
      expect(existsSync(opened.path)).toBe(false);
    }
  });

  test('outside the roots are refused, however they are named', async () => {
    await symlink('/etc/passwd', path.join(root, 'link.mp4'));
    for (const uri of [
      '/etc/passwd',
      `${root}/../../etc/passwd`,
      'file:///etc/passwd',
      `${root}/link.mp4`,
      root,
      `${root}-beside/x`,
    ]) {
      await expect(access().open({ uri }, never), uri).rejects.toMatchObject({ code: 'URI_NOT_ALLOWED' });
    }
    await expect(access({ CINEDEX_MEDIA_ROOTS: '' }).open({ uri: '/etc/passwd' }, never)).rejects.toThrow(
      /No media root/,
    );
  });

  test('that are missing, empty, too large or changed are told apart', async () => {
    await writeFile(path.join(root, 'empty.mp4'), '');
    await writeFile(path.join(root, 'large.mp4'), 'x'.repeat(1_001));
    await writeFile(path.join(root, 'other.mp4'), 'other');
    const open = (name: string, hash?: string) =>
      access().open({ uri: path.join(root, name), sha256: hash }, never);
    await expect(open('nothing.mp4')).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    await expect(open('empty.mp4')).rejects.toMatchObject({ code: 'MEDIA_EMPTY' });
    await expect(open('large.mp4')).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' });
    await expect(open('other.mp4', sha256('bytes'))).rejects.toMatchObject({ code: 'MEDIA_CHANGED' });
  });
});

test.each([
  'http://example.org/a',
  'ftp://example.org/a',
  'data:video/mp4,x',
  'relative.mp4',
  'concat:/etc/passwd',
  'file://host/a',
])('the uri %s is refused', async (uri) => {
  await expect(access().open({ uri }, never)).rejects.toMatchObject({ code: 'URI_NOT_ALLOWED' });
});

test('only addresses of the public internet count as public', () => {
  const isPrivate = [
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '::ffff:10.0.0.1',
    '::ffff:127.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    'x',
  ];
  expect(isPrivate.filter(isPublicAddress)).toEqual([]);
  expect(['93.184.216.34', '2606:2800:220:1::1', '::ffff:93.184.216.34'].filter(isPublicAddress).length).toBe(
    3,
  );
});

describe('https', () => {
  let server: Server;
  let base: string;
  let handle: RequestListener;
  let asked = 0;
  beforeAll(async () => {
    server = createServer((incoming, answer) => {
      asked += 1;
      handle(incoming, answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `https://media.test:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  /** The real checks, but this one test server counts as public and speaks without TLS. */
  const hooks: NonNullable<MediaAccessOptions['hooks']> = {
    resolve: async (host) =>
      host === 'media.test'
        ? ['127.0.0.1']
        : host === 'mixed.test'
          ? ['93.184.216.34', '10.0.0.1']
          : ['10.0.0.1'],
    isAllowed: (address) => address === '127.0.0.1' || isPublicAddress(address),
    request: (url, options, onResponse) => request(url.href.replace('https:', 'http:'), options, onResponse),
  };
  const remote = (options: Partial<MediaAccessOptions> = {}, environment: Record<string, string> = {}) =>
    access(environment, { hooks, lingerMs: 0, ...options });

  test('is fetched once for all who ask at the same time, and evicted when all have let go', async () => {
    handle = (_, answer) => answer.end('bytes');
    const dataDir = mediaFolder();
    const opener = remote({ dataDir });
    asked = 0;
    const source = { uri: `${base}/a`, sha256: sha256('bytes') };
    const [one, two] = await Promise.all([opener.open(source, never), opener.open(source, never)]);
    expect(asked).toBe(1);
    expect(await readFile(one!.path, 'utf8')).toBe('bytes');
    await one!.release();
    await one!.release();
    expect(existsSync(two!.path)).toBe(true);
    await two!.release();
    expect(await readdir(path.join(dataDir, 'media', 'fetched'))).toEqual([]);
  });

  test('redirects are followed and checked like the first uri', async () => {
    handle = (incoming, answer) => {
      if (incoming.url === '/moved') answer.end('bytes');
      else answer.writeHead(302, { location: decodeURIComponent(incoming.url!.slice(1)) }).end();
    };
    const open = (to: string) => remote().open({ uri: `${base}/${encodeURIComponent(to)}` }, never);
    const opened = await open('/moved');
    expect(opened.bytes).toBe(5);
    await opened.release();
    for (const to of [
      'https://inside.test/',
      'http://media.test/',
      'file:///etc/passwd',
      'https://169.254.169.254/',
    ]) {
      await expect(open(to), to).rejects.toMatchObject({ code: 'URI_NOT_ALLOWED' });
    }
    handle = (_, answer) => answer.writeHead(302, { location: '/again' }).end();
    await expect(open('/again')).rejects.toThrow(/redirects/);
  });

  test('hosts with any private address, and credentials, are refused before a byte is sent', async () => {
    asked = 0;
    for (const uri of [
      'https://mixed.test/',
      'https://inside.test/',
      'https://user:pass@media.test/',
      'https://[::1]/',
      'https://2130706433/',
    ]) {
      await expect(
        access({}, { hooks: { ...hooks, isAllowed: undefined } }).open({ uri }, never),
        uri,
      ).rejects.toMatchObject({ code: 'URI_NOT_ALLOWED' });
    }
    expect(asked).toBe(0);
  });

  test('sizes are held while streaming, whatever the server announces', async () => {
    handle = (_, answer) => {
      for (let i = 0; i < 20; i += 1) answer.write('x'.repeat(100));
      answer.end();
    };
    await expect(remote().open({ uri: `${base}/long` }, never)).rejects.toMatchObject({
      code: 'MEDIA_TOO_LARGE',
    });
    handle = (_, answer) => answer.end();
    await expect(remote().open({ uri: `${base}/none` }, never)).rejects.toMatchObject({
      code: 'MEDIA_EMPTY',
    });
    handle = (_, answer) => answer.end('other');
    await expect(
      remote().open({ uri: `${base}/other`, sha256: sha256('bytes') }, never),
    ).rejects.toMatchObject({ code: 'MEDIA_CHANGED' });
  });

  test('answers that cannot help are told from those that may', async () => {
    const status = async (code: number) => {
      handle = (_, answer) => answer.writeHead(code).end();
      return remote()
        .open({ uri: `${base}/${code}` }, never)
        .catch((error) => error.code);
    };
    expect([await status(404), await status(403), await status(500), await status(429)]).toEqual([
      'MEDIA_NOT_FOUND',
      'MEDIA_NOT_FOUND',
      'MEDIA_FETCH_FAILED',
      'MEDIA_FETCH_FAILED',
    ]);
    handle = (_, answer) => {
      answer.writeHead(200, { 'content-length': '500' });
      answer.write('half');
      answer.destroy();
    };
    await expect(remote().open({ uri: `${base}/broken` }, never)).rejects.toMatchObject({
      code: 'MEDIA_FETCH_FAILED',
    });
  });

  test('one who gives up does not take the download from the others', async () => {
    const begun = Promise.withResolvers<() => void>();
    handle = (_, answer) => {
      answer.write('by');
      begun.resolve(() => answer.end('tes'));
    };
    const opener = remote();
    const stop = new AbortController();
    const leaving = opener.open({ uri: `${base}/slow` }, stop.signal);
    const staying = opener.open({ uri: `${base}/slow` }, never);
    const finish = await begun.promise;
    stop.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'ABORTED' });
    finish();
    const opened = await staying;
    expect(opened.bytes).toBe(5);
    await opened.release();
  });
});
