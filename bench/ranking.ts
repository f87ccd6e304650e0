/**
 * What the weights of ranking trade: how relevant the first ten are against how much is clicked and watched, over the share of
 * the tool objective, for several margins.
 *
 * Real are the titles, what people judged of them, and the code that grades and orders. Simulated, for there are no logs, is
 * what viewers do: how appealing a video is (log-normal, independent of relevance), what earlier viewers clicked and watched
 * because of it, and the clicks that an order would get (position-based model: a place is looked at with 1 / rank^0.7, and what
 * is looked at is clicked by appeal times relevance). So the plot shows the mechanism and its shape, not what viewers of some
 * service would do.
 * Usage: node bench/ranking.ts [--labels <folder>] [--out <file>.json]
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { round } from '../query/evaluation/evaluate.ts';
import { mean, ndcg } from '../query/evaluation/metrics.ts';
import { readTitles } from '../query/evaluation/sets/titles.ts';
import { seeded } from '../query/evaluation/significance.ts';
import { buildDictionary } from '../query/intent/dictionary.ts';
import { understand } from '../query/intent/intent.ts';
import { rankCandidates } from '../query/ranking/rank.ts';
import { floorsOf } from '../query/recall/floors.ts';
import type { Asking, Candidate } from '../query/relevance/features.ts';
import { examination } from '../query/relevance/interaction.ts';
import { UNTRAINED } from '../query/relevance/model.ts';
import type { Payload } from '../shared/ports/video-index.ts';
import { SEARCH_SECTIONS } from '../shared/search-config.ts';

const { values } = parseArgs({
  options: {
    labels: { type: 'string', default: path.resolve(import.meta.dirname, '../../shared/data') },
    out: { type: 'string', default: path.join(import.meta.dirname, 'results/ranking.json') },
  },
});

const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];
const MARGINS = [0, 0.1, 0.3, 1];
const SEEN = 10;
const NOW = Date.UTC(2026, 0, 1);
const config = { ...SEARCH_SECTIONS.search.parse({}), cutoff: 0 };

interface Viewed {
  candidate: Candidate;
  /** Probability that somebody who looks at it clicks, were it what was asked for. */
  appeal: number;
  /** Minutes that a click leads to. */
  minutes: number;
}

/** Standard normal by Box & Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function simulate(id: string, texts: Payload, random: () => number): Viewed {
  const appeal = Math.min(0.9, 0.15 * Math.exp(normal(random) * 0.8));
  const impressions = Math.round(Math.exp(5 + normal(random)));
  const durationSec = Math.round(120 + random() * 3_000);
  const watched = Math.min(1, Math.max(0.05, 0.4 + normal(random) * 0.2));
  const clicks = Math.round(impressions * appeal);
  const payload: Payload = {
    ...{ video: id, ...texts, durationSec, complete: true, source: random() < 0.3 ? 'ogc' : 'ugc' },
    ...{ impressions, clicks, views: clicks, watchSeconds: clicks * watched * durationSec },
  };
  return {
    candidate: { video: id, payload, why: [], moments: [], fused: 0, lexical: 0 },
    appeal,
    minutes: (watched * durationSec) / 60,
  };
}

const set = await readTitles(values.labels);
const documents = new Map(set.documents.map((document) => [document.id, document]));
const random = seeded(7);
const questions = set.queries
  .filter(({ relevant }) => Object.keys(relevant).length >= 8)
  .map(({ text, relevant }) => {
    const viewed = new Map(
      Object.keys(relevant).map((id) => {
        const { title = '', about = '' } = documents.get(id)!;
        return [id, simulate(id, { title, description: about }, random)] as const;
      }),
    );
    const dictionary = buildDictionary(
      [...viewed.values()].map(({ candidate }) => candidate.payload),
      [],
    );
    const intent = understand(text, dictionary);
    const asking: Asking = { intent, dictionary, distances: new Map(), floors: floorsOf('use', 'tags-1') };
    return { viewed, asking, grades: new Map(Object.entries(relevant)) };
  });

function measure(toolShare: number, margin: number) {
  const outcomes = questions.map(({ viewed, asking, grades }) => {
    const candidates = [...viewed.values()].map(({ candidate }) => candidate);
    const ranked = rankCandidates(candidates, asking, UNTRAINED, { ...config, toolShare, margin }, NOW);
    const ids = ranked.map(({ shown }) => shown.id);
    const greatest = Math.max(...grades.values());
    let clicks = 0;
    let minutes = 0;
    for (const [at, id] of ids.slice(0, SEEN).entries()) {
      const { appeal, minutes: each } = viewed.get(id)!;
      const relevance = 0.1 + 0.9 * ((grades.get(id) ?? 0) / greatest);
      const click = examination(at + 1) * appeal * relevance;
      clicks += click;
      minutes += click * each;
    }
    return { ndcg10: ndcg(ids, grades, SEEN), clicks, minutes };
  });
  return {
    ...{ toolShare, margin },
    ndcg10: round(mean(outcomes.map(({ ndcg10 }) => ndcg10))),
    clicks: round(mean(outcomes.map(({ clicks }) => clicks))),
    minutes: round(mean(outcomes.map(({ minutes }) => minutes))),
  };
}

type Point = ReturnType<typeof measure>;

const curves = MARGINS.map((margin) => ({
  margin,
  points: SHARES.map((toolShare) => measure(toolShare, margin)),
}));

const COLOURS = ['#555f6b', '#0b6bcb', '#0f8a5f', '#c2410c'];
const WIDTH = 860;
const HEIGHT = 460;
const PLOT = { left: 80, right: 690, top: 60, bottom: 400 };

/** Right: more watched. Up: more relevant. A curve from its tool end (share 1) to its distribution end (share 0). */
function plot(): string {
  const all = curves.flatMap(({ points }) => points);
  const range = (pick: (point: Point) => number) => {
    const found = all.map(pick);
    const [least, most] = [Math.min(...found), Math.max(...found)];
    const edge = (most - least) * 0.08 || 0.01;
    return [least - edge, most + edge] as const;
  };
  const [fromX, toX] = range(({ minutes }) => minutes);
  const [fromY, toY] = range(({ ndcg10 }) => ndcg10);
  const x = (value: number) => PLOT.left + ((value - fromX) / (toX - fromX)) * (PLOT.right - PLOT.left);
  const y = (value: number) => PLOT.bottom - ((value - fromY) / (toY - fromY)) * (PLOT.bottom - PLOT.top);
  const ticks = (from: number, to: number) => [0, 1, 2, 3, 4].map((i) => from + ((to - from) * i) / 4);
  const lines = curves.map(({ margin, points }, i) => {
    const colour = COLOURS[i]!;
    const path = points
      .map((point) => `${x(point.minutes).toFixed(1)},${y(point.ndcg10).toFixed(1)}`)
      .join(' ');
    const dots = points
      .map((point) => {
        const preset = point.toolShare === config.toolShare && margin === config.margin;
        return `<circle cx="${x(point.minutes).toFixed(1)}" cy="${y(point.ndcg10).toFixed(1)}" r="${preset ? 8 : 4}" fill="${colour}"><title>share ${point.toolShare}, margin ${margin}: nDCG@10 ${point.ndcg10}, ${point.minutes} min</title></circle>`;
      })
      .join('');
    const key = `<g transform="translate(${PLOT.right + 20} ${PLOT.top + 20 + i * 24})"><line x2="24" stroke="${colour}" stroke-width="3"/><text x="32" y="5">margin ${margin}</text></g>`;
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>${dots}${key}`;
  });
  const end = curves.at(-1)!.points;
  const label = ({ minutes, ndcg10, toolShare }: Point) =>
    `<text x="${(x(minutes) - 8).toFixed(1)}" y="${(y(ndcg10) + 20).toFixed(1)}" text-anchor="end">${toolShare}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="14" fill="#1f2933">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${PLOT.left}" y="28" font-size="17">Relevance against expected watching, by the weights of ranking</text>
<text x="${PLOT.left}" y="48" font-size="12">Titles and judgements are real, viewers are simulated.</text>
${ticks(fromX, toX)
  .map(
    (value) =>
      `<line x1="${x(value).toFixed(1)}" x2="${x(value).toFixed(1)}" y1="${PLOT.top}" y2="${PLOT.bottom}" stroke="#e4e7eb"/><text x="${x(value).toFixed(1)}" y="${PLOT.bottom + 22}" text-anchor="middle">${value.toFixed(1)}</text>`,
  )
  .join('\n')}
${ticks(fromY, toY)
  .map(
    (value) =>
      `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#e4e7eb"/><text x="${PLOT.left - 8}" y="${(y(value) + 5).toFixed(1)}" text-anchor="end">${value.toFixed(3)}</text>`,
  )
  .join('\n')}
<text x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">expected minutes watched after a search</text>
<text transform="translate(22 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">nDCG@10 of the order</text>
${lines.join('\n')}
${end.map(label).join('')}
<text x="${PLOT.right + 20}" y="${PLOT.top + 136}" font-size="12">Numbers: share of the</text>
<text x="${PLOT.right + 20}" y="${PLOT.top + 152}" font-size="12">tool objective.</text>
<text x="${PLOT.right + 20}" y="${PLOT.top + 176}" font-size="12">Large dot: the default.</text>
</svg>
`;
}

const preset = measure(config.toolShare, config.margin);
const toolOnly = measure(1, config.margin);
const result = {
  command: 'node bench/ranking.ts',
  simulated: 'appeal of videos, earlier clicks and watching, and the clicks that an order gets',
  real: 'titles, judgements, grading and ordering',
  questions: questions.length,
  default: preset,
  defaultOverToolOnly: {
    ndcg10: round(preset.ndcg10 / toolOnly.ndcg10),
    clicks: round(preset.clicks / toolOnly.clicks),
    minutes: round(preset.minutes / toolOnly.minutes),
  },
  curves,
};
writeFileSync(values.out, `${JSON.stringify(result, null, 1)}\n`);
writeFileSync(values.out.replace(/\.json$/, '.svg'), plot());
console.log(JSON.stringify(result, null, 1));
