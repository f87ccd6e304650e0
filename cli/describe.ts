/** Records and answers as lines for a person. */
import type { SearchAnswer } from '../query/search.ts';

import type { VideoRecord } from '../shared/ports/ledger.ts';
import { causeOf, stateOf } from '../workers/runtime/video-state.ts';
import { clock } from './output.ts';

export function describeVideos(records: readonly VideoRecord[]): string[] {
  if (records.length === 0) return ['No videos. `cinedex publish <folder>` adds some.'];
  return [...listVideos(records), ...countVideos(records)];
}

/** A line for each, and what went wrong. */
export function listVideos(records: readonly VideoRecord[]): string[] {
  const width = Math.min(50, Math.max(0, ...records.map(({ videoId }) => videoId.length)));
  return records.flatMap((record) => {
    const cause = causeOf(record);
    const state = stateOf(record);
    return [
      `${record.videoId.padEnd(width)}  ${state.padEnd(8)} ${record.metadata.title}`,
      ...(cause ? [`    ${cause.stage}: ${cause.code}: ${cause.message}`, `    hint: ${cause.hint}`] : []),
    ];
  });
}

function countStates(records: readonly VideoRecord[]): string {
  const counts = new Map<string, number>();
  for (const record of records) counts.set(stateOf(record), (counts.get(stateOf(record)) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${count} ${state}`);
  return `${records.length} video${records.length === 1 ? '' : 's'}: ${parts.join(', ')}`;
}

/** What stages left out that can still be had, by their name for it, and how. */
const REMEDIES: Readonly<Record<string, string>> = {
  speech: 'a speech model from `cinedex models pull` (`cinedex models ls` names them), then publish again',
};

/** How many there are in which state, then a line for each thing that some of them lack and can be given. */
export function countVideos(records: readonly VideoRecord[], remark = ''): string[] {
  const missing = records.map(
    ({ steps }) => new Set(Object.values(steps).flatMap((step) => step.missing ?? [])),
  );
  const remedies = Object.entries(REMEDIES).flatMap(([what, remedy]) => {
    const count = missing.filter((of) => of.has(what)).length;
    return count > 0 ? [`  ${what} is missing in ${count}; hint: ${remedy}`] : [];
  });
  return [countStates(records) + remark, ...remedies];
}

export function describeVideo(record: VideoRecord): string[] {
  const lines = [
    `${record.metadata.title}`,
    `  id ${record.videoId}, ${record.source}, revision ${record.revision}, ${stateOf(record)}`,
    `  ${record.media.uri}`,
  ];
  for (const [stage, step] of Object.entries(record.steps)) {
    const time = step.durationMs === undefined ? '' : `${(step.durationMs / 1_000).toFixed(1)} s`;
    const since = new Date(step.since).toISOString().replace(/\.\d+Z$/, 'Z');
    const reused = step.reused ? ' (found, not made)' : '';
    lines.push(`  ${stage.padEnd(10)} ${step.status.padEnd(8)} ${time.padStart(8)}  ${since}${reused}`);
    const missing = step.missing ?? [];
    if (missing.length > 0) lines.push(`             missing: ${missing.join(', ')}`);
    for (const what of missing) if (REMEDIES[what]) lines.push(`             hint: ${REMEDIES[what]}`);
    if (step.error) {
      lines.push(
        `             ${step.error.code}: ${step.error.message}`,
        `             hint: ${step.error.hint}`,
      );
    }
  }
  return lines;
}

const HOW = {
  said: 'said',
  shown: 'on screen',
  seen: 'in the picture',
  who: 'person',
  about: 'about it',
  heard: 'sounds alike',
  clicked: 'chosen before',
} as const;

export function describeAnswer(answer: SearchAnswer): string[] {
  if (answer.results.length === 0) return ['  Nothing found.'];
  return [
    ...answer.results.flatMap((found, rank) => [
      `  ${rank + 1}. ${found.title}  [${found.video}]  ${found.matched.map((match) => HOW[match]).join(', ')}${
        found.complete ? '' : '  (not every stage contributed)'
      }`,
      ...found.moments.map((moment) => {
        const words = moment.words ? `${HOW[moment.words.kind]}: “${moment.words.text}”` : '';
        const seen =
          moment.words || moment.labels.length === 0 ? '' : `seen: ${moment.labels.slice(0, 4).join(', ')}`;
        const people = moment.people.length > 0 ? `with ${moment.people.join(', ')}` : '';
        const why = [people, words, seen].filter(Boolean).join('; ');
        return `       at ${clock(moment.atSec)} (shot ${clock(moment.startSec)}–${clock(moment.endSec)})  ${why}`;
      }),
    ]),
    ...answer.caveats.map(({ message }) => `  note: ${message}`),
  ];
}
