/** What must stay the same wherever one is in the code, asked of the sources themselves. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCUMENTED_STAGES } from '../deploy/asyncapi.ts';
import { renewReadme } from '../deploy/readme.ts';
import { loadManifests } from '../shared/models/store.ts';

const root = path.resolve(import.meta.dirname, '..');
const AREAS = ['shared', 'workers', 'query', 'ops', 'cli', 'deploy', 'bench', 'test'];
const LONGEST_FILE = 450;
/** Longer files, each with the reason why it is not two. */
const LONG_FOR_A_REASON: Record<string, string> = {};

interface Source {
  /** Relative to the repository, with slashes. */
  file: string;
  text: string;
  /** Specifiers of all imports, relative ones as files of the repository. */
  imports: string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*'([^']+)'|(?:\bimport|\brequire)\(\s*'([^']+)'|(?:^|\n)import\s+'([^']+)'/g;

function readSource(file: string): Source {
  const text = readFileSync(path.join(root, file), 'utf8');
  const imports = [...text.matchAll(IMPORT)].map(([, from, call, bare]) => {
    const specifier = (from ?? call ?? bare)!;
    return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : specifier;
  });
  return { file, text, imports };
}

const sources = AREAS.filter((area) => existsSync(path.join(root, area))).flatMap((area) =>
  readdirSync(path.join(root, area), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|mjs)$/.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => !file.includes('.generated/'))
    .map(readSource),
);
const isTest = ({ file }: Source) =>
  /\.(test|fixture|contract)\.ts$|\/testing\.ts$/.test(file) ||
  file.startsWith('test/') ||
  /^workers\/[a-z]+\/bench\//.test(file);
const product = sources.filter((source) => !isTest(source));
const stageNames = readdirSync(path.join(root, 'workers'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'runtime')
  .map((entry) => entry.name);
const stageOf = (file: string) => stageNames.find((name) => file.startsWith(`workers/${name}/`));

/** Imports of those sources that a rule forbids, as `file -> import`. */
function offences(
  among: readonly Source[],
  forbidden: (imported: string, from: string) => boolean,
): string[] {
  return among.flatMap(({ file, imports }) =>
    imports.filter((imported) => forbidden(imported, file)).map((imported) => `${file} -> ${imported}`),
  );
}

describe('the imports', () => {
  it('are found at all', () => {
    expect(sources.length).toBeGreaterThan(100);
    const app = product.find(({ file }) => file === 'workers/app.ts')!;
    expect(app.imports).toContain('shared/adapters/stores.ts');
  });

  it('of a stage name no client library of a broker or a store', () => {
    const clients =
      /^(kafkajs|bullmq|ioredis|redis|pg|pglite|@electric-sql\/|@lancedb\/|@qdrant\/|@aws-sdk\/|minio|node:sqlite)/;
    const stages = product.filter(({ file }) => stageOf(file));
    expect(stages.length).toBeGreaterThan(20);
    expect(offences(stages, (imported) => clients.test(imported))).toEqual([]);
  });

  it('of a stage reach no other stage and no adapter', () => {
    const stages = product.filter(({ file }) => stageOf(file));
    const reach = (imported: string, from: string) =>
      (stageOf(imported) !== undefined && stageOf(imported) !== stageOf(from)) ||
      imported.startsWith('shared/adapters/');
    expect(offences(stages, reach)).toEqual([]);
  });

  it('of the runtime reach no stage: only the list of stages knows them', () => {
    const others = product.filter(
      ({ file }) => file.startsWith('workers/') && !stageOf(file) && file !== 'workers/stages.ts',
    );
    expect(offences(others, (imported) => stageOf(imported) !== undefined)).toEqual([]);
  });

  it('point one way: cli -> workers, query -> shared', () => {
    const inside = (...areas: string[]) => new RegExp(`^(${areas.join('|')})/`);
    const from = (area: string) => product.filter(({ file }) => file.startsWith(`${area}/`));
    const above = inside('workers', 'query', 'ops', 'cli', 'bench', 'test');
    expect(offences(from('shared'), (imported) => above.test(imported))).toEqual([]);
    const beside = inside('query', 'ops', 'cli', 'bench', 'test');
    expect(offences(from('workers'), (imported) => beside.test(imported))).toEqual([]);
    const others = inside('workers', 'ops', 'cli', 'bench', 'test');
    expect(offences(from('query'), (imported) => others.test(imported))).toEqual([]);
    expect(offences(from('cli'), (imported) => inside('bench', 'test').test(imported))).toEqual([]);
  });

  it('inside shared go from adapters to ports to contracts', () => {
    const ports = product.filter(({ file }) => file.startsWith('shared/ports/'));
    expect(offences(ports, (imported) => imported.startsWith('shared/adapters/'))).toEqual([]);
    const contracts = product.filter(({ file }) => file.startsWith('shared/contracts/'));
    const outward = (imported: string) =>
      imported.startsWith('shared/') && !imported.startsWith('shared/contracts/');
    expect(offences(contracts, outward)).toEqual([]);
  });
});

describe('the sources', () => {
  it('read the environment in the start files only', () => {
    const starts = new Set(['cli/main.ts', 'cli/setup.mjs', 'cli/cinedex.mjs']);
    // Libraries that can be set up in no other way are given a default.
    const read = /\bprocess\.env\b(?!\.\w+ \?\?= )/;
    const readers = product
      .filter(({ file }) => !starts.has(file) && !file.startsWith('bench/'))
      .filter(({ text }) => read.test(withoutComments(text)));
    expect(readers.map(({ file }) => file)).toEqual([]);
  });

  it('run programs only where media is opened safely, and in the few places that are no media', () => {
    const allowed = [
      /^shared\/media\//,
      /^shared\/models\/pull-npm\.ts$/,
      /^cli\/(setup|cinedex)\.mjs$/,
      /^cli\/samples\/make\.ts$/,
      /^bench\//,
    ];
    const children = product.filter(({ imports }) => imports.includes('node:child_process'));
    expect(
      children.map(({ file }) => file).filter((file) => !allowed.some((each) => each.test(file))),
    ).toEqual([]);
  });

  it('are files that can be read in one go', () => {
    const long = sources
      .map(({ file, text }) => ({ file, lines: text.split('\n').length }))
      .filter(({ file, lines }) => lines > LONGEST_FILE && !LONG_FOR_A_REASON[file]);
    expect(long).toEqual([]);
  });

  it('have no folder or file for what fits nowhere', () => {
    const vague = /(^|\/)(utils?|helpers?|misc|common-utils)(\.ts|\/)/;
    expect(sources.map(({ file }) => file).filter((file) => vague.test(file))).toEqual([]);
  });

  it('silence neither the compiler nor the linter', () => {
    const silenced = /@ts-(ignore|nocheck|expect-error)|biome-ignore/;
    const offenders = sources
      .filter(({ file }) => file !== 'test/architecture.test.ts')
      .filter(({ text }) => silenced.test(text) || /\bas any\b/.test(withoutComments(text)));
    expect(offenders.map(({ file }) => file)).toEqual([]);
  });
});

describe('the models', () => {
  it('all have a licence, a source, and a checksum or at least a place that has one', () => {
    for (const [id, manifest] of loadManifests()) {
      expect(manifest.licence, id).toMatch(/\S/);
      expect(manifest.provenance, id).toMatch(/\S/);
      for (const file of manifest.files) {
        // The hub tells the checksum of its large files at the download; everything else is pinned here.
        if (file.from.kind === 'hub') expect(file.from.revision, `${id}/${file.name}`).toMatch(/\S/);
        else if (file.sha256 === null) expect(manifest.provenance, id).toMatch(/no checksum is kept/);
        else expect(file.sha256, `${id}/${file.name}`).toMatch(/^[0-9a-f]{64}$/);
      }
    }
  });

  it('come from npm packages that this project depends on, so that the lock file pins them', () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const packages = [...loadManifests().values()].flatMap(({ files }) =>
      files.flatMap(({ from }) => (from.kind === 'package' ? [from.package] : [])),
    );
    expect(packages.filter((name) => !(name in dependencies))).toEqual([]);
  });
});

describe('the lock file', () => {
  // A registry that lacks one of them lets `npm install` leave it out; `npm ci` elsewhere then refuses the lock file.
  it('names the packages of every platform', () => {
    const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !packages[`${place}/node_modules/${name}`] && !packages[`node_modules/${name}`],
      ),
    );
    expect(missing).toEqual([]);
  });
});

describe('the README', () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

  it('gives a reason for every direct dependency, and for no other', () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(path.join(root, 'package.json'), 'utf8'),
    ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
    const [, section = ''] = readme.split('## What it is built with');
    const rows = section
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((row) =>
      [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    expect(named.toSorted()).toEqual(Object.keys({ ...dependencies, ...devDependencies }).toSorted());
  });

  it('has the current tables of configuration keys and models (npm run readme)', () => {
    // A stage that was taken out may leave its keys in the table until it is made anew.
    const absent = DOCUMENTED_STAGES.filter((stage) => !existsSync(path.join(root, 'workers', stage)));
    const rows = absent.map((stage) => `| \`CINEDEX_${stage.toUpperCase()}_`);
    const lines = readme.split('\n').filter((line) => !rows.some((row) => line.startsWith(row)));
    expect(lines.join('\n')).toBe(renewReadme(lines.join('\n')));
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}
