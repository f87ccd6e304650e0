import path from 'node:path';
import type { Command } from 'commander';
import type { SearchAnswer } from '../../query/search.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import { causeOf, stateOf } from '../../workers/runtime/video-state.ts';
import { countVideos, describeAnswer } from '../describe.ts';
import { type Library, readLibrary } from '../library.ts';
import type { Enter } from '../main.ts';
import type { Operations } from '../operations.ts';
import { makeSamples, SAMPLE_QUESTIONS } from '../samples/make.ts';
import { logFile, type Session, withData, withRoots } from '../session.ts';
import { waitFor } from '../wait.ts';
import { ignoredWords } from './publish.ts';

const EXAMPLE = `
Examples:
  npm start                 makes sample clips, indexes and searches them
  npm start -- ~/Videos     does so with your own folder`;

export function registerStart(program: Command, enter: Enter): void {
  program
    .command('start')
    .summary('first meeting: index a folder (or samples) and search it')
    .description(
      'Indexes a folder of videos, or a handful of sample clips that it makes, and shows example searches.',
    )
    .argument('[folder]', 'a folder of videos, searched to the bottom; or a single video')
    .addHelpText('after', EXAMPLE)
    .action(async (folder: string | undefined, _: object, command: Command) => {
      const entered = enter(command);
      const library = folder === undefined ? await sampleLibrary(entered) : await read(entered, folder);
      await meet(withRoots(entered, library.roots), library, folder === undefined);
    });
}

async function sampleLibrary({ config, tenant, output, signal }: Session): Promise<Library> {
  const folder = path.join(config.core.dataDir, 'samples');
  const bar = output.progress('Making sample clips');
  try {
    const uploads = await makeSamples(folder, config.media, {
      tenant,
      signal,
      onClip: (done, total) => bar.update(done, total, ''),
    });
    return { uploads, roots: [folder], ignored: 0 };
  } finally {
    bar.stop();
  }
}

async function read({ tenant, output, signal }: Session, folder: string): Promise<Library> {
  const bar = output.progress('Reading');
  const onFile = (done: number, total: number) => bar.update(done, total, '');
  return readLibrary(folder, { tenant, source: 'ugc', onFile, signal }).finally(() => bar.stop());
}

async function meet(session: Session, library: Library, samples: boolean): Promise<void> {
  const { output, signal, config, tenant } = session;
  const count = library.uploads.length;
  output.note(
    `Indexing ${count} video${count === 1 ? '' : 's'}${ignoredWords(library.ignored)}. The first time, models are loaded.`,
  );
  await withData(session, { work: 'always' }, async ({ operations }) => {
    if (count > 0) {
      const events = library.uploads.map((data) => ({ type: 'video.uploaded.v1' as const, data }));
      await operations.publish({ events });
    }
    const records = await waitFor(operations, output, library.uploads, signal);
    const questions = samples ? SAMPLE_QUESTIONS : await questionsAbout(operations, records);
    const searches: { text: string; answer: SearchAnswer }[] = [];
    for (const text of questions)
      searches.push({ text, answer: await operations.search({ tenant, text, limit: 3, moments: 1 }) });
    const places = { dataDir: config.core.dataDir, log: logFile(config) };
    output.result(
      {
        videos: records.map((record) => ({
          videoId: record.videoId,
          state: stateOf(record),
          error: causeOf(record),
        })),
        ignored: library.ignored,
        searches,
        ...places,
      },
      () => [
        ...describeFound(records, library),
        ...searches.flatMap(({ text, answer }) => ['', `search "${text}"`, ...describeAnswer(answer)]),
        '',
        `Everything is stored in ${places.dataDir} (log: cinedex.log). Ask for yourself:`,
        '  npx cinedex search "…"        npx cinedex status        npx cinedex --help',
        `Or with the search page, at http://${config.query.host}:${config.query.port}/ :`,
        `  npx cinedex up --query --root ${quoted(library.roots[0] ?? places.dataDir)}`,
      ],
    );
  });
}

/** As a shell takes it. */
function quoted(file: string): string {
  return /^[\w@%+=:,./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
}

function describeFound(records: readonly VideoRecord[], library: Library): string[] {
  const lines = ['', ...countVideos(records, ignoredWords(library.ignored))];
  for (const record of records) {
    const state = stateOf(record);
    const stages = Object.entries(record.steps);
    const seconds = stages.reduce((sum, [, step]) => sum + (step.durationMs ?? 0), 0) / 1_000;
    const cause = causeOf(record);
    const mark = state === 'failed' ? 'rejected' : state;
    lines.push(
      `  ${mark.padEnd(8)} ${record.metadata.title} [${record.videoId}]${cause ? '' : `  ${seconds.toFixed(1)} s of work`}`,
    );
    const missing = stages.flatMap(([stage, step]) =>
      step.status === 'partial' && stage !== 'document'
        ? (step.missing ?? []).map((what) => `${stage}: ${what}`)
        : [],
    );
    if (state === 'partial' && !cause && missing.length > 0)
      lines.push(`           missing: ${missing.join(', ')}`);
    if (cause)
      lines.push(
        `           ${cause.stage}: ${cause.code}: ${cause.message}`,
        `           hint: ${cause.hint}`,
      );
  }
  return lines;
}

/** Up to three questions that this library answers: a Chinese and an English one where it has both. */
async function questionsAbout(operations: Operations, records: readonly VideoRecord[]): Promise<string[]> {
  const indexed = records.filter((record) => ['indexed', 'partial'].includes(stateOf(record))).slice(0, 50);
  const found: { text: string; language: string; weight: number; video: string }[] = [];
  for (const { tenant, videoId, metadata } of indexed) {
    // That a title is found surprises nobody; what was seen, read or heard does.
    const title = plainWords(metadata.title);
    for (const keyword of await operations.keywords({ tenant, videoId })) {
      if (!title.includes(plainWords(keyword.text))) found.push({ ...keyword, video: videoId });
    }
  }
  found.sort((a, b) => b.weight - a.weight);
  const chosen: typeof found = [];
  for (const language of ['zh', 'en', 'en', 'und', 'zh']) {
    const next = found.find(
      (each) =>
        each.language === language &&
        !chosen.some(({ text, video }) => text === each.text || video === each.video),
    );
    if (next && chosen.length < 3) chosen.push(next);
  }
  const titles = indexed.map(({ metadata }) => metadata.title);
  return [...new Set([...chosen.map(({ text }) => text), ...titles])].slice(0, 3);
}

function plainWords(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ');
}
