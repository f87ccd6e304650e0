import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeEvent } from '../shared/contracts/envelope.ts';
import { readLibrary } from './library.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-library-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const put = (name: string, text = name) => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const options = { tenant: 'default', source: 'ugc' as const };

describe('readLibrary', () => {
  it('finds videos to the bottom of a folder, whatever the case, and counts what is none', async () => {
    put('films/a_first one.MP4');
    put('films/deep/三体 第3集.mkv');
    put('films/notes.txt');
    put('films/.trash/old.mp4');
    const { uploads, ignored, roots } = await readLibrary(path.join(folder, 'films'), options);
    expect(uploads.map(({ metadata }) => metadata.title)).toEqual(['a first one', '三体 第3集']);
    expect(ignored).toBe(1);
    expect(roots).toEqual([path.join(folder, 'films')]);
    for (const upload of uploads) expect(() => encodeEvent('video.uploaded.v1', upload)).not.toThrow();
  });

  it('gives a file the same id alone and in its folder, and another id to its namesake elsewhere', async () => {
    const one = put('ids/x/clip.mp4', 'same bytes');
    put('ids/y/clip.mp4', 'same bytes');
    const { uploads } = await readLibrary(path.join(folder, 'ids'), options);
    const [alone] = (await readLibrary(one, options)).uploads;
    expect(uploads[0]).toEqual(alone);
    expect(uploads[0]!.videoId).not.toBe(uploads[1]!.videoId);
    expect(uploads[0]!.media.sha256).toBe(uploads[1]!.media.sha256);
  });

  it('reads names that are awkward in a uri or an id', async () => {
    const file = put('odd/%20 #1? & "x".mp4');
    const [upload] = (await readLibrary(file, options)).uploads;
    expect(upload!.videoId).toMatch(/^20-1-x-[0-9a-f]{8}$/);
    expect(new URL(upload!.media.uri).search).toBe('');
    const nameless = put('odd/___.mp4');
    const [other] = (await readLibrary(nameless, options)).uploads;
    expect(other!.metadata.title).toBe('___.mp4');
  });

  it('takes what a manifest says of each video', async () => {
    put('m/a.mp4');
    const manifest = put(
      'm/list.jsonl',
      `{"path":"a.mp4","videoId":"a1","title":"First","tags":["x"],"source":"ogc","cast":[{"name":"Ada"}]}

{"uri":"https://example.org/films/b_c.mp4","version":"3"}`,
    );
    const { uploads } = await readLibrary(manifest, options);
    expect(uploads[0]).toMatchObject({
      videoId: 'a1',
      source: 'ogc',
      metadata: { title: 'First', tags: ['x'], cast: [{ name: 'Ada', role: 'actor' }] },
    });
    expect(uploads[1]).toMatchObject({
      source: 'ugc',
      media: { uri: 'https://example.org/films/b_c.mp4', version: '3' },
      metadata: { title: 'b c' },
    });
  });

  it.each([
    ['no JSON', '{'],
    ['an unknown field', '{"path":"a.mp4","titel":"x"}'],
    ['both path and uri', '{"path":"a.mp4","uri":"https://example.org/a.mp4"}'],
    ['neither', '{"title":"x"}'],
  ])('refuses a manifest with %s, naming the line', async (_, line) => {
    const manifest = put('bad/list.jsonl', `\n${line}\n`);
    await expect(readLibrary(manifest, options)).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: expect.stringContaining('list.jsonl:2:'),
    });
  });

  it('says what is not there', async () => {
    await expect(readLibrary(path.join(folder, 'nowhere'), options)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
