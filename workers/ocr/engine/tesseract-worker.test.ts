import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Worker } from 'tesseract.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModelStore } from '../../../shared/models/store.ts';
import { type StartWorker, TesseractWorker } from './tesseract-worker.ts';

let folder: string;
let english: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'cinedex-tesseract-'));
  english = path.join(folder, 'eng.traineddata.gz');
  copyFileSync(new ModelStore(folder).file('tesseract-eng', 'eng.traineddata.gz'), english);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A stand-in for tesseract.js; each job does what the list says next. */
function scripted(jobs: ('answer' | 'hang' | 'crash' | 'refuse')[]) {
  const counts = { started: 0, terminated: 0 };
  const start: StartWorker = async (_language, _folder, onError) => {
    counts.started += 1;
    const recognize = () => {
      const job = jobs.shift();
      if (job === 'answer') return Promise.resolve({ jobId: '1', data: { text: 'ok', blocks: [] } });
      if (job === 'refuse') return Promise.reject('attempting to read image');
      if (job === 'crash') onError(new Error('out of memory'));
      return new Promise(() => undefined);
    };
    const terminate = async () => {
      counts.terminated += 1;
    };
    return { recognize, terminate, setParameters: async () => undefined } as unknown as Worker;
  };
  return { start, counts };
}

describe('TesseractWorker', () => {
  it('says that a language is missing instead of hanging', async () => {
    const worker = new TesseractWorker(path.join(folder, 'fra.traineddata.gz'));
    await expect(worker.recognise(Buffer.alloc(1))).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });

  it.each([
    ['is no gzip', Buffer.from('not a language')],
    ['is cut off', gzipSync(Buffer.alloc(100_000, 'x')).subarray(0, 60)],
    ['holds something else', gzipSync(Buffer.from('<html>not found</html>'))],
  ])('says that a language file %s', async (_, bytes) => {
    writeFileSync(english, bytes);
    const worker = new TesseractWorker(english);
    await expect(worker.recognise(Buffer.alloc(1))).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });

  it.each([
    ['never answers', 'hang', 'STAGE_TIMEOUT'],
    ['loses its worker', 'crash', 'WORKER_CRASHED'],
    ['is refused', 'refuse', 'WORKER_CRASHED'],
  ] as const)('ends a job that %s, and does the next with a fresh worker', async (_, fault, code) => {
    const { start, counts } = scripted([fault, 'answer']);
    const worker = new TesseractWorker(english, { jobMs: 50 }, start);
    const [first, second] = await Promise.allSettled([
      worker.recognise(Buffer.alloc(1)),
      worker.recognise(Buffer.alloc(1)),
    ]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code } });
    expect(second).toMatchObject({ status: 'fulfilled', value: { text: 'ok' } });
    expect(counts).toEqual({ started: 2, terminated: 1 });
  });

  it('ends a start that never comes about, and tries again with the next job', async () => {
    const { start } = scripted(['answer']);
    let starts = 0;
    const slow: StartWorker = (...args) => (starts++ === 0 ? new Promise(() => undefined) : start(...args));
    const worker = new TesseractWorker(english, { startMs: 50 }, slow);
    await expect(worker.recognise(Buffer.alloc(1))).rejects.toMatchObject({ code: 'STAGE_TIMEOUT' });
    await expect(worker.recognise(Buffer.alloc(1))).resolves.toMatchObject({ text: 'ok' });
  });

  it('survives a picture that the real library cannot read', async () => {
    const worker = new TesseractWorker(english);
    try {
      await expect(worker.recognise(Buffer.from('no picture'))).rejects.toMatchObject({
        code: expect.stringMatching(/WORKER_CRASHED|STAGE_TIMEOUT/),
      });
      const blank = Buffer.concat([Buffer.from('P5\n64 64\n255\n'), Buffer.alloc(64 * 64, 255)]);
      expect((await worker.recognise(blank)).text.trim()).toBe('');
    } finally {
      await worker.close();
    }
  });
});
