import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { openDataFolder } from '../../shared/adapters/embedded/data-folder.ts';
import type { Config } from '../../shared/config.ts';
import { CinedexError, toCinedexError } from '../../shared/contracts/errors.ts';
import { findBinaries } from '../../shared/media/binaries.ts';
import { listModels } from '../../shared/models/pull.ts';
import { ModelStore } from '../../shared/models/store.ts';
import type { Enter } from '../main.ts';
import { byteCount, EXIT } from '../output.ts';
import { connectOperations, socketPath } from '../socket.ts';

export interface Finding {
  what: string;
  /** `warning`: works, but not as well as it could. */
  level: 'ok' | 'warning' | 'problem';
  found: string;
  /** What to do about it. */
  advice?: string;
}

const LEAST_NODE = 24;
const LITTLE_DISK = 5e9;
/** Builds before this year lack fixes that matter for files of strangers. */
const OLD_FFMPEG = 2022;

export function registerDoctor(program: Command, enter: Enter): void {
  program
    .command('doctor')
    .summary('what is missing, and how to get it')
    .description('Looks at Node, ffmpeg, the models, the disk and the data folder.')
    .addHelpText('after', '\nExample:\n  cinedex doctor')
    .action(async (_: object, command: Command) => {
      const { config, output } = enter(command);
      const findings = await examine(config);
      const mark = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM' };
      output.result(findings, () =>
        findings.flatMap(({ what, level, found, advice }) => [
          `${mark[level]}  ${what.padEnd(11)} ${found}`,
          ...(advice ? [`                     ${advice}`] : []),
        ]),
      );
      if (findings.some(({ level }) => level === 'problem')) process.exitCode = EXIT.failed;
    });
}

async function examine(config: Config): Promise<Finding[]> {
  return [
    nodeFinding(),
    ...(await mediaFindings(config)),
    ...(await modelFindings(config)),
    ...(await folderFindings(config)),
  ];
}

function nodeFinding(): Finding {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) >= LEAST_NODE) return { what: 'node', level: 'ok', found: node };
  const advice = 'Run `npm start` once, or `npx cinedex`: both use the Node pinned in node_modules.';
  return { what: 'node', level: 'problem', found: node, advice };
}

async function mediaFindings(config: Config): Promise<Finding[]> {
  try {
    const { ffmpeg, ffprobe } = await findBinaries(config.media);
    return [ffmpeg, ffprobe].map(({ path: file, version, year, origin }, i) => {
      const old = year > 0 && year < OLD_FFMPEG;
      return {
        what: i === 0 ? 'ffmpeg' : 'ffprobe',
        level: old ? 'warning' : 'ok',
        found: `${version} (${year || 'year unknown'}, ${origin}): ${file}`,
        ...(old && {
          advice:
            'Old builds miss newer codecs and fixes. Install ffmpeg (apt, brew, …) or set CINEDEX_MEDIA_FFMPEG_PATH.',
        }),
      };
    });
  } catch (error) {
    const { message } = toCinedexError(error);
    const advice =
      'Install ffmpeg (apt install ffmpeg, brew install ffmpeg), or set CINEDEX_MEDIA_FFMPEG_PATH.';
    return [{ what: 'ffmpeg', level: 'problem', found: message, advice }];
  }
}

/** Speech is optional: without its weights videos are indexed by all else. */
const OPTIONAL_TASK = 'speech-to-text';

async function modelFindings(config: Config): Promise<Finding[]> {
  const { profile } = config.core;
  const states = await listModels(new ModelStore(config.core.modelsDir), { profile });
  const here = states.filter(({ state }) => state === 'present').length;
  const summary: Finding = {
    what: 'models',
    level: 'ok',
    found: `${here} of ${states.length} of profile ${profile} are here`,
  };
  const missing = states.filter(({ state }) => state !== 'present');
  return [
    summary,
    ...missing.map(
      ({ id, state, task, problems }): Finding => ({
        what: 'model',
        level: task === OPTIONAL_TASK && state === 'missing' ? 'warning' : 'problem',
        found: `${id} (${task}) is ${state}: ${problems.map(({ reason }) => reason).join('; ')}`,
        advice: `cinedex models pull ${id}${state === 'corrupt' ? ' --force' : ''}`,
      }),
    ),
  ];
}

async function folderFindings(config: Config): Promise<Finding[]> {
  const { dataDir } = config.core;
  const findings: Finding[] = [];
  let existing = dataDir;
  while (!existsSync(existing)) existing = path.dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  findings.push({
    what: 'disk',
    level: free < LITTLE_DISK ? 'warning' : 'ok',
    found: `${byteCount(free)} free at ${existing}`,
    ...(free < LITTLE_DISK && { advice: 'Choose another place with --data-dir or CINEDEX_DATA_DIR.' }),
  });
  if (existing !== dataDir) {
    return [...findings, { what: 'data folder', level: 'ok', found: `${dataDir} (not made yet)` }];
  }
  try {
    openDataFolder(dataDir).release();
    findings.push({ what: 'data folder', level: 'ok', found: dataDir });
  } catch (error) {
    if (!(error instanceof CinedexError) || error.code !== 'DATA_LOCKED') throw error;
    const serving = (await connectOperations(socketPath(dataDir))) !== undefined;
    findings.push({
      what: 'data folder',
      level: serving ? 'ok' : 'warning',
      found: serving ? `${dataDir}, in use by a running \`cinedex up\`` : error.message,
      ...(!serving && { advice: error.hint }),
    });
  }
  return findings;
}
