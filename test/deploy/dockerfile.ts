/** deploy/Dockerfile as a list of stages, and what must hold of it: nobody needs to build it to see that. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CORE_SECTIONS } from '../../shared/config.ts';
import { environmentProblems, isPinned, read, root } from './files.ts';

interface Instruction {
  name: string;
  /** What follows it, on one line. */
  rest: string;
}
interface Stage {
  from: string;
  name: string;
  instructions: Instruction[];
}

export function parseDockerfile(text: string): { args: Map<string, string>; stages: Stage[] } {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const args = new Map<string, string>();
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [, from = '', as = ''] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      stages.push({ from, name: as, instructions: [] });
    } else if (stages.length === 0) {
      const [key = '', value = ''] = rest.split(/=(.*)/s);
      args.set(key, value);
    } else stages.at(-1)!.instructions.push({ name, rest });
  }
  return { args, stages };
}

interface Copy {
  from: string | null;
  sources: string[];
  target: string;
}

function copies({ instructions }: Stage): Copy[] {
  return instructions
    .filter(({ name }) => name === 'COPY')
    .map(({ rest }) => {
      const words = rest.split(/\s+/);
      const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null;
      const places = words.filter((word) => !word.startsWith('--'));
      return { from, sources: places.slice(0, -1), target: places.at(-1)! };
    });
}

/** Whether a file comes into the build context. The last line of .dockerignore that fits decides. */
export function inContext(file: string, ignore = read('.dockerignore')): boolean {
  const folders = file.split('/').map((_, i, all) => all.slice(0, i + 1).join('/'));
  let kept = true;
  for (const line of ignore.split('\n').filter((each) => each && !each.startsWith('#'))) {
    const pattern = line.replace(/^!/, '');
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/^\*\*\//, '(.*/)?')
      .replace(/(?<!\.)\*/g, '[^/]*');
    if (folders.some((folder) => new RegExp(`^${source}$`).test(folder))) kept = line.startsWith('!');
  }
  return kept;
}

/** Files that a source reaches by imports and as threads, itself included. */
export function reachable(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const text = readFileSync(path.join(root, entry), 'utf8');
  const named = text.matchAll(/(?:from|import\(?|new URL\()\s*'(\.{1,2}\/[^']+\.(?:ts|mjs|json))'/g);
  for (const [, to] of named) {
    const file = path.relative(root, path.resolve(path.join(root, path.dirname(entry)), to!));
    if (existsSync(path.join(root, file))) reachable(file, seen);
  }
  return seen;
}

/** What the command is made of. */
const COMMAND = reachable('cli/main.ts');

/** What is wrong with the image that a Dockerfile describes. */
export function dockerfileProblems(text: string): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(what);
  };
  const { args, stages } = parseDockerfile(text);
  const names = new Set(stages.map(({ name }) => name));
  for (const stage of stages) {
    const image = stage.from.replace(/\$\{(\w+)\}/, (_, name: string) => args.get(name) ?? '');
    must(names.has(image) || isPinned(image), `the image ${image} is not pinned`);
    for (const { from, sources } of copies(stage)) {
      if (from !== null) must(names.has(from), `copies from ${from}, which is no stage`);
      else {
        for (const source of sources)
          must(existsSync(path.join(root, source)) && inContext(source), `${source} is not in the context`);
      }
    }
  }
  const [node] = /\d+\.\d+\.\d+/.exec(args.get('NODE_IMAGE') ?? '') ?? [];
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
  must(
    node === lock.packages['node_modules/node']?.version,
    `Node ${node} is not the one of package-lock.json`,
  );

  const final = stages.at(-1)!;
  const last = (name: string) => final.instructions.findLast((each) => each.name === name)?.rest;
  const user = last('USER') ?? 'root';
  must(!/^(root|0)(:|$)/.test(user), 'runs as root');
  const after = final.instructions.slice(final.instructions.findLastIndex(({ name }) => name === 'USER') + 1);
  must(!after.some(({ name }) => name === 'RUN' || name === 'COPY'), 'makes files that belong to its user');
  const runs = final.instructions.filter(({ name }) => name === 'RUN').map(({ rest }) => rest);
  must(
    runs.some((run) => /apt-get upgrade/.test(run) && /apt-get install.* ffmpeg/.test(run)),
    'has no fresh ffmpeg',
  );
  must(!runs.some((run) => /\bnpm (ci|install)\b/.test(run)), 'installs packages in its last stage');

  const copied = copies(final);
  const packages = stages.find(
    ({ name }) => name === copied.find(({ target }) => target === './node_modules')?.from,
  );
  const slim = packages?.instructions.some(({ name, rest }) => name === 'RUN' && rest.includes('--omit=dev'));
  must(slim ?? false, 'carries packages of the development');
  const folders = copied.filter(({ from }) => from === null).flatMap(({ sources }) => sources);
  for (const file of COMMAND) {
    const there = folders.some((folder) => file === folder || file.startsWith(`${folder}/`));
    must(there && inContext(file), `${file} is not in the image`);
  }
  const page = copied.find(({ target }) => target === './query/web/dist');
  const web = stages.find(({ name }) => name === page?.from);
  const builds = web?.instructions.some(
    ({ name, rest }) => name === 'RUN' && rest.includes('npm run build:web'),
  );
  must(builds ?? false, 'carries no search page');

  problems.push(...settingProblems(final, last));
  return problems;
}

function settingProblems(final: Stage, last: (name: string) => string | undefined): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) problems.push(what);
  };
  const settings = final.instructions
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ rest }) => [...rest.matchAll(/(\w+)=(\S+)/g)])
    .map(([, key, value]) => [key!, value!.replace(/^\$\{PROFILE\}$/, 'bundled')] as const);
  problems.push(...environmentProblems(Object.fromEntries(settings), 'ENV'));
  const { query, ops } = CORE_SECTIONS;
  const metrics = /127\.0\.0\.1:(\d+)\/livez/.exec(last('HEALTHCHECK') ?? '')?.[1] ?? 'none';
  const ports = [metrics, String(query.parse({}).port), String(ops.parse({}).port)].toSorted();
  must(
    (last('EXPOSE') ?? '').split(' ').toSorted().join() === ports.join(),
    `exposes other ports than ${ports.join()}`,
  );
  const words = [last('ENTRYPOINT'), last('HEALTHCHECK')].flatMap((rest = '') => [
    ...rest.matchAll(/"([^"]+\.(?:ts|mjs))"/g),
  ]);
  must(words.length === 2, 'has no entry point or no health check');
  for (const [, file] of words) must(existsSync(path.join(root, file!)), `there is no ${file}`);
  return problems;
}
