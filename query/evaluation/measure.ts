/** One configuration on one set of questions: asked, measured, and told with what is needed to repeat it. */
import type { SearchConfig } from '../../shared/search-config.ts';
import { readModel } from '../relevance/stored-model.ts';
import { createSearch, type SearchOptions, type SearchServices } from '../search.ts';
import { askAll, groupResults, type QueryOutcome, round, silence } from './evaluate.ts';
import { gradingOf } from './grading.ts';
import type { LabelledSet } from './labelled-set.ts';
import type { Measurement } from './report.ts';

/** What is measured: a set whose names are ids of videos that the services find. */
export interface Target {
  services: SearchServices;
  tenant: string;
  set: LabelledSet;
  index: { generation: string; videos: number };
  failed: { name: string; reason: string }[];
  /** Questions that nothing there answers. */
  unanswerable: readonly string[];
}

/** Questions whose answer is in no collection of everyday videos. */
export const UNANSWERABLE: readonly string[] = [
  'quarterly tax return form',
  'how to change a car tyre step by step',
  'parliamentary election results',
  'violin concerto in d major',
  'knitting pattern for a sweater vest',
  'mortgage interest rates explained',
  'photosynthesis in desert plants',
  'roman siege of carthage documentary',
  'install a printer driver',
  'ballroom tango lesson two',
  'submarine cable maintenance',
  'neonatal nursing guidelines',
  '量子计算机的工作原理',
  '股票市场分析报告',
  '婚礼上的誓言',
  '考研英语作文模板',
  '如何申请发明专利',
  '唐朝的科举制度',
  '地铁盾构机施工',
  '围棋定式讲解',
];

export interface MeasureOptions extends Pick<SearchOptions, 'channels' | 'floors' | 'model'> {
  /** What was typed to measure this. */
  command: string;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export async function measure(
  { services, tenant, set, index, failed, unanswerable }: Target,
  config: SearchConfig,
  { command, signal, onProgress, ...options }: MeasureOptions,
): Promise<{ outcomes: QueryOutcome[]; measurement: Measurement }> {
  const search = createSearch(services, { config, ...options });
  const outcomes = await askAll(search, tenant, set.queries, { signal, onProgress });
  const silent = await silence(search, tenant, unanswerable);
  const { encoders } = services;
  const model = options.model ?? (await readModel(config.relevanceModel));
  const measurement: Measurement = {
    receipt: {
      command,
      dataset: { name: set.name, checksum: set.checksum, queries: set.queries.length, failed },
      index,
      models: { text: encoders.text().id, space: encoders.multimodal().space.id, relevance: model.id },
      config,
      node: process.version,
      at: new Date().toISOString(),
    },
    groups: groupResults(outcomes),
    silence: { asked: unanswerable.length, silent },
    grading: gradingOf(outcomes),
    meanMs: outcomes.reduce((sum, { tookMs }) => sum + tookMs, 0) / Math.max(1, outcomes.length),
  };
  return { outcomes, measurement };
}

/** Measures by `group.measure`, which baselines name; `silence` is the share of unanswerable questions that are left unanswered. */
export function flatten({
  groups,
  silence: { asked, silent },
}: Pick<Measurement, 'groups' | 'silence'>): Record<string, number> {
  const measures = ['all', 'en', 'zh'].flatMap((group) => {
    const own = groups[group];
    if (!own) return [];
    const { ndcg10, reciprocalRank, recall10, moment1, moment5 } = own.full;
    const named = { ndcg10, reciprocalRank, recall10, moment1, moment5, answered: own.answered };
    return Object.entries(named).flatMap(([name, value]): [string, number][] =>
      value === null ? [] : [[`${group}.${name}`, round(value)]],
    );
  });
  return { ...Object.fromEntries(measures), ...(asked > 0 && { silence: round(silent / asked) }) };
}
