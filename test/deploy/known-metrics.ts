/** The metrics that the code registers, with their labels, and what is wrong with a query over them. */
import { createMetrics } from '../../shared/telemetry/metrics.ts';
import { groupedLabels, namedMetrics } from './promql.ts';

/** What a scrape adds; `service` is set in prometheus.yml only. */
const TARGET_LABELS = ['job', 'instance', 'service'];
/** Of Prometheus itself. */
const OWN_METRICS = new Map([['up', []]]);

/** Every metric with the labels that it has, once each of them has been set. */
export async function knownMetrics(): Promise<Map<string, readonly string[]>> {
  const metrics = createMetrics();
  metrics.job('ocr', 'done', null, 1);
  metrics.media('frames', 1);
  metrics.queue(
    'ocr',
    { waiting: 1, delayed: 1, active: 1, failed: 1 },
    { ugc: { waiting: 1, oldestMs: 1 } },
  );
  metrics.lag('group', 'topic', 1);
  metrics.deadLetter('ocr', 'STAGE_BUG');
  metrics.deadLettersWaiting(1);
  metrics.intakePaused(true);
  metrics.ready(true);
  metrics.describe('worker', ['ocr']);
  metrics.search(null, 1);
  const known = new Map<string, readonly string[]>(OWN_METRICS);
  for (const metric of await metrics.registry.getMetricsAsJSON()) {
    const values = metric.values as { labels: object; metricName?: string }[];
    for (const { labels, metricName } of values) known.set(metricName ?? metric.name, Object.keys(labels));
    if (values.length === 0) known.set(metric.name, []);
  }
  return known;
}

/** What is wrong with the metrics and labels that a query names. */
export function queryProblems(query: string, known: ReadonlyMap<string, readonly string[]>): string[] {
  const named = namedMetrics(query);
  if (named.length === 0) return [`"${query}" names no metric`];
  const problems: string[] = [];
  const labels = new Set(TARGET_LABELS);
  for (const { metric, matchers } of named) {
    const own = known.get(metric);
    if (!own) {
      problems.push(`no metric ${metric}`);
      continue;
    }
    for (const label of own) labels.add(label);
    for (const { label } of matchers) {
      if (![...own, ...TARGET_LABELS].includes(label)) problems.push(`${metric} has no label ${label}`);
    }
  }
  for (const label of groupedLabels(query)) {
    if (!labels.has(label)) problems.push(`no metric of "${query}" has the label ${label}`);
  }
  return problems;
}
