/** ffmpeg, ffprobe and the system's tools around them, looked for once a process: each look starts several children. */
import { findBinaries, type MediaBinaries } from './binaries.ts';
import { findLauncher } from './launcher.ts';
import { type Confinement, detectConfinement } from './sandbox.ts';

/** Plain data, so that a thread can be given it. */
export interface MediaTools {
  binaries: MediaBinaries;
  /** Null where the system has no such tools. */
  confinement: Confinement | null;
  /** Where children are started for this process; null where it starts them itself. */
  launcher: string | null;
}

type Paths = Parameters<typeof findBinaries>[0];

const found = new Map<string, Promise<MediaTools>>();

/** @throws CinedexError DEPENDENCY_MISSING as `findBinaries` does; what is missing is looked for again the next time */
export function findTools({ ffmpegPath, ffprobePath }: Paths): Promise<MediaTools> {
  const key = JSON.stringify([ffmpegPath, ffprobePath]);
  let tools = found.get(key);
  if (!tools) {
    tools = look({ ffmpegPath, ffprobePath });
    found.set(key, tools);
    tools.catch(() => found.delete(key));
  }
  return tools;
}

async function look(paths: Paths): Promise<MediaTools> {
  const [binaries, confinement] = await Promise.all([findBinaries(paths), detectConfinement()]);
  return { binaries, confinement, launcher: await findLauncher() };
}
