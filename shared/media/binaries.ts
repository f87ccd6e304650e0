/** Finds ffmpeg, ffprobe and the system's tools for limiting them, once. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { CinedexError } from '../contracts/errors.ts';

const execute = promisify(execFile);
const QUICK = { timeout: 15_000, maxBuffer: 1 << 20 };

export interface Binary {
  path: string;
  /** First words of `-version`, such as `5.1.9-0+deb12u1` or `N-47683-g0e8eb07980-static`. */
  version: string;
  /** Year of the build's copyright line: the only age that git builds tell. */
  year: number;
  origin: 'configured' | 'system' | 'npm';
}

export interface MediaBinaries {
  ffmpeg: Binary;
  ffprobe: Binary;
  /** Options that keep every frame at its own time; builds before 5.1 spell them differently. */
  keepTimes: readonly string[];
  /** Whether the build can turn HDR into SDR (zscale and tonemap). */
  toneMapping: boolean;
}

/**
 * The configured binaries, else those on the system's search path, else the ones that npm installed.
 * @throws CinedexError DEPENDENCY_MISSING naming the one that is missing, or that cannot be run
 */
export async function findBinaries(config: {
  ffmpegPath: string;
  ffprobePath: string;
}): Promise<MediaBinaries> {
  const [ffmpeg, ffprobe] = await Promise.all([
    findBinary('ffmpeg', config.ffmpegPath),
    findBinary('ffprobe', config.ffprobePath),
  ]);
  const filters = (await execute(ffmpeg.path, ['-hide_banner', '-filters'], QUICK)).stdout;
  return {
    ffmpeg,
    ffprobe,
    keepTimes: knowsFpsMode(ffmpeg) ? ['-fps_mode', 'passthrough'] : ['-vsync', '0'],
    toneMapping: /\bzscale\b/.test(filters) && /\btonemap\b/.test(filters),
  };
}

async function findBinary(name: 'ffmpeg' | 'ffprobe', configured: string): Promise<Binary> {
  if (configured) {
    const binary = await inspect(path.resolve(configured), 'configured');
    if (binary) return binary;
    throw new CinedexError('DEPENDENCY_MISSING', `The configured ${name} (${configured}) cannot be run.`);
  }
  const onPath = await locate(name);
  const system = onPath && (await inspect(onPath, 'system'));
  if (system) return system;
  const installed = npmBinary(name);
  const fromNpm = installed && (await inspect(installed, 'npm'));
  if (fromNpm) return fromNpm;
  throw new CinedexError('DEPENDENCY_MISSING', `No ${name} was found, on the search path or from npm.`);
}

/** Absolute path of a command, or undefined. The system's own tool asks its search path; no shell is involved. */
export async function locate(command: string): Promise<string | undefined> {
  try {
    const { stdout } = await execute(process.platform === 'win32' ? 'where' : 'which', [command], QUICK);
    return stdout.split(/\r?\n/)[0]?.trim() || undefined;
  } catch {
    // `which` answers "not found" by failing.
    return undefined;
  }
}

function npmBinary(name: 'ffmpeg' | 'ffprobe'): string | undefined {
  try {
    return (createRequire(import.meta.url)(`@${name}-installer/${name}`) as { path: string }).path;
  } catch {
    // The package throws where it has no build for this platform.
    return undefined;
  }
}

async function inspect(file: string, origin: Binary['origin']): Promise<Binary | undefined> {
  try {
    const { stdout } = await execute(file, ['-version'], QUICK);
    const version = /version (\S+)/.exec(stdout)?.[1];
    return version
      ? { path: file, version, year: Number(/\d{4}-(\d{4})/.exec(stdout)?.[1] ?? 0), origin }
      : undefined;
  } catch {
    // Not there, or not executable here: the caller says which one was wanted.
    return undefined;
  }
}

function knowsFpsMode({ version, year }: Binary): boolean {
  const release = /^n?(\d+)\.(\d+)/.exec(version);
  if (!release) return year >= 2023;
  const [major, minor] = [Number(release[1]), Number(release[2])];
  return major > 5 || (major === 5 && minor >= 1);
}
