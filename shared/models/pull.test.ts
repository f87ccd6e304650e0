import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listModels, type PullProgress, pullModels, verifyModels } from './pull.ts';
import { npmPack } from './pull-npm.ts';
import { type ModelManifest, ModelStore } from './store.ts';

const WEIGHTS = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
const SHA256 = createHash('sha256').update(WEIGHTS).digest('hex');

let scratch: string;
let server: Server;
let hubUrl: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'cinedex-pull-'));
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hubUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(scratch, { recursive: true, force: true });
});

function storeWith(file: Partial<ModelManifest['files'][number]>, id = 'tiny'): ModelStore {
  const manifest: ModelManifest = {
    id,
    version: '1',
    task: 'test',
    profiles: ['standard'],
    licence: 'MIT',
    provenance: 'made by the test',
    dimensions: null,
    preprocessing: 'none',
    files: [
      {
        name: 'onnx/model.onnx',
        sha256: SHA256,
        bytes: WEIGHTS.length,
        from: { kind: 'hub', repo: 'someone/tiny', revision: 'main', path: 'onnx/model.onnx' },
        ...file,
      },
    ],
  };
  return new ModelStore(path.join(scratch, 'models'), new Map([[id, manifest]]));
}

/** A file server that understands ranges, as the hub does. */
function serveWeights(weights = WEIGHTS) {
  const ranges: (string | undefined)[] = [];
  answer = (request, response) => {
    ranges.push(request.headers.range);
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start >= weights.length) {
      response.writeHead(416).end();
      return;
    }
    const headers = { 'content-length': weights.length - start };
    if (start > 0) {
      response.writeHead(206, {
        ...headers,
        'content-range': `bytes ${start}-${weights.length - 1}/${weights.length}`,
      });
    } else response.writeHead(200, headers);
    response.end(weights.subarray(start));
  };
  return ranges;
}

describe('pulling from the hub', () => {
  it('fetches once, reports progress, and keeps what is whole', async () => {
    const ranges = serveWeights();
    const store = storeWith({});
    const progress: PullProgress[] = [];
    const [first] = await pullModels(store, { hubUrl, onProgress: (step) => progress.push(step) });
    expect(first).toMatchObject({ fetched: ['onnx/model.onnx'], kept: [] });
    expect(progress.at(-1)).toEqual({
      model: 'tiny',
      file: 'onnx/model.onnx',
      received: WEIGHTS.length,
      total: WEIGHTS.length,
    });
    expect(await readFile(store.file('tiny', 'onnx/model.onnx'))).toEqual(WEIGHTS);
    const [second] = await pullModels(store, { hubUrl });
    expect(second).toMatchObject({ fetched: [], kept: ['onnx/model.onnx'] });
    expect(ranges).toHaveLength(1);
    await pullModels(store, { hubUrl, force: true });
    expect(ranges).toHaveLength(2);
  });

  it('goes on where a broken download stopped', async () => {
    const store = storeWith({});
    let breakOff: () => unknown = () => undefined;
    answer = (_request, response) => {
      breakOff = () => response.destroy();
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 70_000));
    };
    const onProgress = ({ received }: PullProgress) => received > 0 && breakOff();
    await expect(pullModels(store, { hubUrl, onProgress })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(store.has('tiny')).toBe(false);
    const [state] = await listModels(store);
    expect(state?.state).toBe('missing');
    const ranges = serveWeights();
    await pullModels(store, { hubUrl });
    expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(await readFile(store.file('tiny', 'onnx/model.onnx'))).toEqual(WEIGHTS);
  });

  it('begins anew when the partial file is longer than the file', async () => {
    const store = storeWith({});
    const folder = path.join(store.folder, 'tiny/1/onnx');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'model.onnx.part'), Buffer.alloc(WEIGHTS.length + 1));
    serveWeights();
    await pullModels(store, { hubUrl });
    expect((await verifyModels(store))[0]?.state).toBe('present');
  });

  it('refuses a file with the wrong checksum, and leaves nothing of it', async () => {
    serveWeights(Buffer.alloc(WEIGHTS.length));
    const store = storeWith({});
    await expect(pullModels(store, { hubUrl })).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect(existsSync(path.join(store.folder, 'tiny/1/onnx/model.onnx'))).toBe(false);
    expect(existsSync(path.join(store.folder, 'tiny/1/onnx/model.onnx.part'))).toBe(false);
  });

  it('checks the checksum that the hub announces when the manifest has none', async () => {
    const store = storeWith({ sha256: null, bytes: null });
    answer = (_request, response) => {
      response.writeHead(200, { 'x-linked-etag': `"${'0'.repeat(64)}"` }).end(WEIGHTS);
    };
    await expect(pullModels(store, { hubUrl })).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    answer = (_request, response) => {
      response.writeHead(200, { 'x-linked-etag': `"${SHA256}"` }).end(WEIGHTS);
    };
    await pullModels(store, { hubUrl });
    await writeFile(store.file('tiny', 'onnx/model.onnx'), Buffer.alloc(WEIGHTS.length));
    const [state] = await verifyModels(store);
    expect(state).toMatchObject({ state: 'corrupt', problems: [{ file: 'onnx/model.onnx' }] });
  });

  it('gives the token to the hub but not to the host it redirects to', async () => {
    const seen: Record<string, string | undefined> = {};
    const storage = createServer((request, response) => {
      seen.storage = request.headers.authorization;
      response.end(WEIGHTS);
    });
    await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve));
    answer = (request, response) => {
      seen.hub = request.headers.authorization;
      const { port } = storage.address() as AddressInfo;
      response.writeHead(302, { location: `http://127.0.0.1:${port}/blob` }).end();
    };
    await pullModels(storeWith({}), { hubUrl, hubToken: 'secret' });
    await new Promise((resolve) => storage.close(resolve));
    expect(seen).toEqual({ hub: 'Bearer secret', storage: undefined });
  });

  it('says MODEL_MISSING when the hub has no such file', async () => {
    answer = (_request, response) => response.writeHead(404).end();
    await expect(pullModels(storeWith({}), { hubUrl })).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });

  it('lets two pulls of one model share one download', async () => {
    const ranges = serveWeights();
    const store = storeWith({});
    const both = await Promise.all([pullModels(store, { hubUrl }), pullModels(store, { hubUrl })]);
    expect(ranges).toHaveLength(1);
    expect(both.map(([result]) => result!.fetched.length).sort()).toEqual([0, 1]);
  });

  it('takes over the lock of a process that died', async () => {
    serveWeights();
    const store = storeWith({});
    const folder = path.join(store.folder, 'tiny/1');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, '.lock'), JSON.stringify({ pid: 2 ** 22 + 1, host: os.hostname() }));
    await pullModels(store, { hubUrl });
    expect(store.has('tiny')).toBe(true);
  });
});

describe('pulling out of an npm tarball', () => {
  const from = { kind: 'tarball', package: 'tiny-weights@1.2.3', path: 'dist/model.onnx' } as const;

  async function pack(_spec: string, folder: string): Promise<string> {
    const root = path.join(scratch, 'tree');
    await mkdir(path.join(root, 'package/dist'), { recursive: true });
    await writeFile(path.join(root, 'package/dist/model.onnx'), WEIGHTS);
    await writeFile(path.join(root, 'package/dist/other.onnx'), 'not wanted');
    const file = path.join(folder, 'tiny-weights-1.2.3.tgz');
    await create({ file, cwd: root, gzip: true }, ['package']);
    return file;
  }

  it('takes the named file and nothing else', async () => {
    const store = storeWith({ name: 'model.onnx', from });
    await pullModels(store, { hubUrl, pack });
    expect(await readFile(store.file('tiny', 'model.onnx'))).toEqual(WEIGHTS);
    expect(existsSync(path.join(store.folder, 'tiny/1/package'))).toBe(false);
    expect((await verifyModels(store))[0]).toMatchObject({ state: 'present', bytes: WEIGHTS.length });
  });

  it('says MODEL_MISSING when the tarball lacks the file', async () => {
    const store = storeWith({ name: 'model.onnx', from: { ...from, path: 'dist/absent.onnx' } });
    await expect(pullModels(store, { hubUrl, pack })).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });

  it('gives npm nothing but exact versions', async () => {
    await expect(npmPack('../somewhere', scratch)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(npmPack('--version', scratch)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('models inside installed packages', () => {
  it('are verified and never fetched', async () => {
    const store = storeWith({ name: 'LICENSE', from: { kind: 'package', package: 'zod', path: 'LICENSE' } });
    await expect(pullModels(store, { hubUrl })).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    const unchecked = storeWith({
      name: 'LICENSE',
      sha256: null,
      bytes: null,
      from: { kind: 'package', package: 'zod', path: 'LICENSE' },
    });
    const [result] = await pullModels(unchecked, { hubUrl });
    expect(result).toMatchObject({ fetched: [], kept: ['LICENSE'] });
  });

  it('are missing when the package is not installed', async () => {
    const from = { kind: 'package', package: 'no-such-package-here', path: 'x' } as const;
    const [state] = await verifyModels(storeWith({ from }));
    expect(state?.state).toBe('missing');
  });

  it('of the bundled profile are here and whole', async () => {
    const store = new ModelStore(path.join(scratch, 'models'));
    const local = [...store.manifests.values()].filter(({ files }) =>
      files.every(({ from }) => from.kind === 'package'),
    );
    const states = await verifyModels(store, { ids: local.map(({ id }) => id) });
    expect(states.filter(({ state }) => state !== 'present')).toEqual([]);
  });
});
