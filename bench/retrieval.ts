/**
 * How well questions find the right video, and the right moment in it: an indexed data folder against the labels of its
 * media. The same questions are also asked without the channels of meaning (words only), in the same run.
 * Usage: node bench/retrieval.ts --data <data folder> [--profile bundled] [--labels <folder with manifest.json>]
 * [--out <file>]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createSearch, type SearchAnswer } from '../query/search.ts';
import { openEmbedded } from '../shared/adapters/embedded/index.ts';
import { loadConfig } from '../shared/config.ts';
import { createEncoders } from '../shared/models/encoders.ts';
import { ModelStore } from '../shared/models/store.ts';
import type { Ledger } from '../shared/ports/ledger.ts';
import { fold, plain } from '../shared/text/normalise.ts';
import { detectLanguage } from '../shared/text/script.ts';

interface LabelledVideo {
  file: string;
  labels?: string[];
  queries_en?: string[];
  queries_zh?: string[];
  ocr_text?: string[];
  speech?: { start: number; end: number; lang: string; text: string }[];
  speech_file?: string;
}

type Kind = 'seen' | 'shown' | 'said' | 'label';

interface Labelled {
  text: string;
  kind: Kind;
  /** Files that answer it. */
  files: Set<string>;
  /** Where in them, if that is known. */
  span: { startSec: number; endSec: number } | null;
}

interface Outcome {
  question: Labelled;
  language: string;
  /** From 1; null when none of the videos is among the answers. */
  rank: number | null;
  /** Rank among that video's moments of the first one within two seconds of the truth. */
  momentRank: number | null;
  answers: number;
}

const DEPTH = 10;
const NEAR_SEC = 2;
/** Nothing in the labelled media is about these. */
const UNRELATED = [
  'quarterly tax return form',
  'how to change a car tyre step by step',
  'parliamentary election results',
  'violin concerto in d major',
  'knitting pattern for a sweater vest',
  '量子计算机的工作原理',
  '股票市场分析报告',
  '婚礼上的誓言',
];

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    profile: { type: 'string', default: 'bundled' },
    labels: { type: 'string', default: path.resolve(import.meta.dirname, '../../shared/data') },
    out: { type: 'string', default: path.join(import.meta.dirname, 'results/retrieval.json') },
  },
});
if (!values.data) throw new Error('Usage: node bench/retrieval.ts --data <indexed data folder>');

const config = loadConfig({}, {}, { core: { dataDir: values.data, profile: values.profile } });
const stores = await openEmbedded(config.core.dataDir);
const encoders = createEncoders(config, new ModelStore(config.core.modelsDir));
try {
  const { tenant } = config.core;
  const indexed = await indexedFiles(stores.ledger, tenant);
  const questions = labelledQuestions(values.labels).flatMap((question) => {
    const files = new Set([...question.files].filter((file) => indexed.has(file)));
    return files.size > 0 ? [{ ...question, files }] : [];
  });
  const services = { index: stores.index, encoders, identities: stores.identities };
  const variants = {
    full: createSearch(services),
    wordsOnly: createSearch(services, { channels: (name) => !name.endsWith('~') }),
  };
  const result: Record<string, unknown> = {
    command: 'node bench/retrieval.ts --data <folder indexed from the labelled videos>',
    profile: config.core.profile,
    generation: await stores.index.active(),
    videos: indexed.size,
    questions: questions.length,
  };
  for (const [name, search] of Object.entries(variants)) {
    const outcomes: Outcome[] = [];
    let tookMs = 0;
    for (const question of questions) {
      const answer = await search({ tenant, text: question.text, limit: DEPTH, moments: 5 });
      tookMs += answer.tookMs;
      outcomes.push(judge(question, answer, indexed));
    }
    let silent = 0;
    for (const text of UNRELATED) if ((await search({ tenant, text })).results.length === 0) silent += 1;
    result[name] = {
      ...summary(outcomes),
      unrelatedAnsweredByNothing: `${silent}/${UNRELATED.length}`,
      meanMs: round(tookMs / Math.max(1, questions.length)),
      missed: outcomes
        .filter(({ rank }) => rank === null)
        .map(({ question: { kind, text, files }, answers }) => ({ kind, text, files: [...files], answers })),
    };
  }
  mkdirSync(path.dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
} finally {
  await encoders.close();
  await stores.close();
}

/** Ids of the indexed videos by the name of their file. */
async function indexedFiles(ledger: Ledger, tenant: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  let cursor: string | null | undefined;
  do {
    const page = await ledger.list({ tenant, ...(cursor && { cursor }) });
    for (const { media, videoId, deleted, steps } of page.records) {
      const done = steps.document?.status === 'done' || steps.document?.status === 'partial';
      if (!deleted && done)
        files.set(path.basename(decodeURIComponent(new URL(media.uri).pathname)), videoId);
    }
    cursor = page.cursor;
  } while (cursor);
  return files;
}

function labelledQuestions(folder: string): Labelled[] {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as {
    files: LabelledVideo[];
  };
  const questions = new Map<string, Labelled>();
  const add = (file: string, kind: Kind, text: string, span: Labelled['span'] = null) => {
    const key = `${kind} ${fold(text)}`;
    const known = questions.get(key) ?? { text, kind, files: new Set(), span };
    known.files.add(path.basename(file));
    questions.set(key, known);
  };
  for (const video of manifest.files.filter(({ file }) => file.startsWith('videos/'))) {
    const {
      file,
      labels = [],
      queries_en = [],
      queries_zh = [],
      ocr_text = [],
      speech = [],
      speech_file,
    } = video;
    for (const text of [...queries_en, ...queries_zh]) add(file, 'seen', text);
    // Some entries describe what stands there instead of quoting it.
    for (const text of ocr_text.filter((each) => !/burned in|running|\.\./.test(each)))
      add(file, 'shown', text);
    for (const label of labels.filter((each) => /^[a-z ]+$/i.test(each))) add(file, 'label', label);
    for (const { start, end, text } of speech) add(file, 'said', text, { startSec: start, endSec: end });
    if (speech_file) {
      for (const { text, ...span } of sentences(readFileSync(path.join(folder, speech_file), 'utf8'))) {
        add(file, 'said', text, span);
      }
    }
  }
  return [...questions.values()];
}

/** Every third pair of neighbouring subtitles, which is about what somebody remembers of a speech. */
function sentences(srt: string): { startSec: number; endSec: number; text: string }[] {
  const seconds = (time: string) =>
    time.split(/[:,]/).reduce((sum, part, i) => sum + Number(part) * [3_600, 60, 1, 0.001][i]!, 0);
  const cues = srt.split(/\r?\n\r?\n/).flatMap((block) => {
    const [, times = '', ...lines] = block.trim().split(/\r?\n/);
    const [from, to] = times.split(' --> ');
    return from && to ? [{ startSec: seconds(from), endSec: seconds(to), text: lines.join(' ') }] : [];
  });
  return cues.flatMap((cue, i) => {
    const next = cues[i + 1];
    if (i % 3 !== 0 || !next) return [];
    return [{ startSec: cue.startSec, endSec: next.endSec, text: `${cue.text} ${next.text}` }];
  });
}

function judge(question: Labelled, answer: SearchAnswer, indexed: ReadonlyMap<string, string>): Outcome {
  const wanted = new Set([...question.files].map((file) => indexed.get(file)));
  const at = answer.results.findIndex(({ video }) => wanted.has(video));
  const { span } = question;
  const moments = at < 0 ? [] : answer.results[at]!.moments;
  const near = span
    ? moments.findIndex(({ atSec }) => atSec >= span.startSec - NEAR_SEC && atSec <= span.endSec + NEAR_SEC)
    : -1;
  return {
    question,
    language: plain(question.text) ? detectLanguage(question.text) : 'und',
    rank: at < 0 ? null : at + 1,
    momentRank: near < 0 ? null : near + 1,
    answers: answer.results.length,
  };
}

function summary(outcomes: readonly Outcome[]) {
  const groups: Record<string, Outcome[]> = { all: [...outcomes] };
  for (const outcome of outcomes) {
    for (const name of [
      `kind ${outcome.question.kind}`,
      `language ${outcome.language}`,
      `${outcome.question.kind} ${outcome.language}`,
    ]) {
      groups[name] ??= [];
      groups[name].push(outcome);
    }
  }
  return Object.fromEntries(
    Object.entries(groups).map(([name, members]) => {
      const share = (test: (outcome: Outcome) => boolean) =>
        round(members.filter(test).length / members.length);
      const timed = members.filter(({ question }) => question.span !== null);
      const within = (k: number) =>
        round(
          timed.filter(({ rank, momentRank }) => rank === 1 && momentRank !== null && momentRank <= k)
            .length / timed.length,
        );
      return [
        name,
        {
          questions: members.length,
          recallAt1: share(({ rank }) => rank === 1),
          recallAt5: share(({ rank }) => rank !== null && rank <= 5),
          recallAt10: share(({ rank }) => rank !== null),
          meanReciprocalRank: round(
            members.reduce((sum, { rank }) => sum + (rank ? 1 / rank : 0), 0) / members.length,
          ),
          ...(timed.length > 0 && { timed: timed.length, momentAt1: within(1), momentAt5: within(5) }),
        },
      ];
    }),
  );
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
