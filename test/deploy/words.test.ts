/** Verbs, keys and files that the README and the deployment name are those that there are. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../shared/config.ts';
import { stageSections } from '../../workers/stages.ts';
import { REMOVED } from '../fixtures/stages.ts';
import { read, root } from './files.ts';

const PLACES = ['deploy', 'deploy/kubernetes', 'deploy/prometheus'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(ts|mjs)$|asyncapi/.test(entry.name))
    .map((entry) => `${folder}/${entry.name}`),
);
const TEXTS = ['README.md', 'docker-compose.yml', ...PLACES];
/** A key or a folder of a stage that is no more. */
const isOfRemoved = (name: string) =>
  REMOVED.some((stage) => name.startsWith(`cinedex_${stage}_`) || name.startsWith(`workers/${stage}`));
const lines = (file: string) => read(file).split('\n');

/** The verbs, as their files register them. */
const VERBS = readdirSync(path.join(root, 'cli/commands')).flatMap((name) => {
  const [, verb] = /program\s*\.command\('([a-z]+)'\)/.exec(read(`cli/commands/${name}`)) ?? [];
  return verb ? [verb] : [];
});

describe('words of the README and the deployment', () => {
  it('name verbs that there are', () => {
    expect(VERBS.length).toBeGreaterThan(15);
    const named = TEXTS.flatMap((file) =>
      lines(file).flatMap((line) =>
        [...line.matchAll(/(?:npx |run --rm (?:--no-deps )?|`)(?:cinedex|cli) ([a-z]+)/g)].map(
          ([, verb]) => ({ file, verb }),
        ),
      ),
    );
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ verb }) => !VERBS.includes(verb!))).toEqual([]);
  });

  it('tell every verb in the table of the README', () => {
    const table = lines('README.md')
      .filter((line) => line.startsWith('| `'))
      .join('\n');
    expect(VERBS.filter((verb) => !new RegExp(`\`${verb}[ \`]`).test(table))).toEqual([]);
  });

  it('name keys of the configuration', () => {
    const known = new Set(describeConfig(stageSections()).map(({ name }) => name));
    const unknown = TEXTS.flatMap((file) =>
      [...read(file).matchAll(/CINEDEX_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_…])/g)]
        .map(([name]) => name)
        .filter((name) => !known.has(name) && !isOfRemoved(name.toLowerCase()))
        .map((name) => `${file}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('link to files that there are', () => {
    const broken = [...read('README.md').matchAll(/\]\((?!https?:|#)([^)]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(path.join(root, target)) && !isOfRemoved(target));
    expect(broken).toEqual([]);
  });
});
