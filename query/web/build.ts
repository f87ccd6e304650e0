/** Builds the page when its sources are others than those that dist/ was made of: `node query/web/build.ts`. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
const dist = path.join(here, 'dist');
/** Names what a build was made of. */
const STAMP = 'sources.sha256';
const SOURCES = ['index.html', 'vite.config.ts', 'src', 'public'];

/** @returns whether there was something to build */
export async function buildPage(): Promise<boolean> {
  const sources = hashOfSources();
  if (isBuiltFrom(sources)) return false;
  const { build } = await import('vite');
  // Beside dist/, so that a server keeps what it serves until the new page is whole.
  const fresh = path.join(here, `dist-${process.pid}`);
  try {
    await build({
      ...{ configFile: path.join(here, 'vite.config.ts'), logLevel: 'warn' },
      build: { outDir: fresh, emptyOutDir: true },
    });
    writeFileSync(path.join(fresh, STAMP), sources);
    // Another process may have built the same meanwhile.
    if (isBuiltFrom(sources)) return false;
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
    return true;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function isBuiltFrom(sources: string): boolean {
  const stamp = path.join(dist, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;
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
