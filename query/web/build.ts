/** Builds the page when its sources are others than those that dist/ was made of: `node query/web/build.ts`. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
const dist = path.join(here, 'dist');
/** Names what dist/ was made of. */
const stamp = path.join(dist, 'sources.sha256');
const SOURCES = ['index.html', 'vite.config.ts', 'src', 'public'];

/** @returns whether there was something to build */
export async function buildPage(): Promise<boolean> {
  const sources = hashOfSources();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return false;
  const { build } = await import('vite');
  await build({ configFile: path.join(here, 'vite.config.ts'), logLevel: 'warn' });
  // Last, so that a build that was cut short is done again.
  writeFileSync(stamp, sources);
  return true;
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap(filesOf).sort()) {
    hash.update(path.relative(here, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  // What is bundled, and by what.
  for (const name of ['preact', 'vite']) {
    const manifest = path.join(here, '../../node_modules', name, 'package.json');
    hash.update((JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version);
  }
  return hash.digest('hex');
}

function filesOf(name: string): string[] {
  const place = path.join(here, name);
  if (path.extname(name) !== '') return [place];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

if (import.meta.main) {
  const built = await buildPage();
  console.log(built ? 'the page is built' : 'the page is up to date');
}
