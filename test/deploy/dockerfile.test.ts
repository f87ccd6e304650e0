/** The image: what is in it, who runs it, on what it is built. */
import { describe, expect, it } from 'vitest';
import { dockerfileProblems, inContext, parseDockerfile, reachable } from './dockerfile.ts';
import { read } from './files.ts';

const text = read('deploy/Dockerfile');

describe('deploy/Dockerfile', () => {
  it('makes an image that has all it needs, and does not run as root', () => {
    expect(dockerfileProblems(text)).toEqual([]);
  });

  it('is read as Docker reads it', () => {
    const { args, stages } = parseDockerfile(
      'ARG A=b:1\n# a comment\nFROM b AS x\nRUN one \\\n # why\n && two\nUSER me',
    );
    expect([...args]).toEqual([['A', 'b:1']]);
    expect(stages).toEqual([
      {
        from: 'b',
        name: 'x',
        instructions: [
          { name: 'RUN', rest: 'one && two' },
          { name: 'USER', rest: 'me' },
        ],
      },
    ]);
  });

  it('gets the sources and nothing else into its context', () => {
    expect(
      ['cli/main.ts', 'query/web/src/main.tsx', 'package.json', 'deploy/healthcheck.mjs'].map((file) =>
        inContext(file),
      ),
    ).toEqual([true, true, true, true]);
    expect(
      ['.env', 'shared/.env.local', 'node_modules/a/b.js', 'test/run.mjs', 'shared/config.test.ts']
        .concat(['workers/ocr/bench/ocr.ts', 'query/web/dist/index.html', 'deploy/Dockerfile', '.git/config'])
        .filter((file) => inContext(file)),
    ).toEqual([]);
    expect([...reachable('cli/main.ts')]).toContain('shared/faces/engine/faces.thread.ts');
  });
});

describe('the checks', () => {
  it.each<[string, RegExp | string, string, RegExp]>([
    ['root', 'USER node', 'USER root', /runs as root/],
    ['no user at all', 'USER node\n', '', /runs as root/],
    ['an image that moves', /NODE_IMAGE=\S+/, 'NODE_IMAGE=node:latest', /not pinned/],
    ['another Node', /NODE_IMAGE=node:\d+/, 'NODE_IMAGE=node:22', /Node 22\.\S+ is not the one/],
    ['an old ffmpeg', / && apt-get upgrade -y --no-install-recommends \\\n/, '', /no fresh ffmpeg/],
    [
      'a missing folder',
      /COPY ops .\/ops\n(?=COPY cli .\/cli\nCOPY deploy)/,
      '',
      /ops\/process\.ts is not in the image/,
    ],
    ['a folder that is none', 'COPY shared ./shared', 'COPY sharde ./shared', /sharde is not in the context/],
    ['a misspelt key', 'CINEDEX_DATA_DIR=/data \\', 'CINEDEX_DATADIR=/data \\', /no key CINEDEX_DATADIR/],
    ['another port', 'EXPOSE 9464 8080', 'EXPOSE 9464 80', /exposes other ports/],
    [
      'development packages',
      'COPY --from=packages /app/node_modules',
      'COPY --from=tools /app/node_modules',
      /of the development/,
    ],
    ['no page', /COPY --from=web .*\n/, '', /no search page/],
    ['no health check', /HEALTHCHECK[^\n]*\n[^\n]*\n/, '', /no health check/],
  ])('find %s', (_, from, to, expected) => {
    const spoiled = text.replace(from, to);
    expect(spoiled).not.toBe(text);
    expect(dockerfileProblems(spoiled).join('\n')).toMatch(expected);
  });
});
