/** What Prometheus scrapes, alerts on and what Grafana shows must be what the code registers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { STAGES } from '../../workers/stages.ts';
import { REMOVED } from '../fixtures/stages.ts';
import { ComposeFile } from './compose-file.ts';
import { read, readYaml, readYamlDocuments } from './files.ts';
import { knownMetrics, queryProblems } from './known-metrics.ts';
import { groupedLabels, namedMetrics } from './promql.ts';

let known: Map<string, readonly string[]>;
beforeAll(async () => {
  known = await knownMetrics();
});

const Dashboard = z.object({
  panels: z.array(
    z.object({
      type: z.string(),
      title: z.string(),
      description: z.string().optional(),
      gridPos: z.object({ h: z.number(), w: z.number(), x: z.number(), y: z.number() }),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).optional(),
      datasource: z.object({ type: z.literal('prometheus'), uid: z.string() }).optional(),
    }),
  ),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), query: z.object({ query: z.string() }) })),
  }),
});
const dashboard = () => Dashboard.parse(JSON.parse(read('deploy/grafana/dashboards/cinedex.json')));
const Alerts = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.object({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.object({ summary: z.string(), action: z.string() }),
        }),
      ),
    }),
  ),
});
const rules = () =>
  Alerts.parse(readYaml('deploy/prometheus/alerts.yml')).groups.flatMap(({ rules }) => rules);
const Scaled = z.looseObject({
  spec: z.looseObject({ triggers: z.array(z.object({ metadata: z.object({ query: z.string() }) }).loose()) }),
});

/** As Grafana sends it. */
const filled = (expr: string) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$stage', 'ocr');

describe('queries', () => {
  it('of the dashboard name metrics and labels that there are', () => {
    const { panels, templating } = dashboard();
    const targets = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    expect(targets.length).toBeGreaterThan(15);
    const problems = targets.flatMap(({ title, expr }) =>
      queryProblems(filled(expr), known).map((problem) => `${title}: ${problem}`),
    );
    for (const { query } of templating.list) {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query.query) ?? [];
      if (!known.get(metric ?? '')?.includes(label ?? '')) problems.push(`variable: ${query.query}`);
    }
    expect(problems).toEqual([]);
  });

  it('of the alerts do', () => {
    expect(
      rules().flatMap(({ alert, expr }) =>
        queryProblems(expr, known).map((problem) => `${alert}: ${problem}`),
      ),
    ).toEqual([]);
  });

  it('of the scaling do, and without labels that only our Prometheus sets', () => {
    const queries = readYamlDocuments('deploy/kubernetes/scaling.yaml').flatMap((document) =>
      Scaled.parse(document).spec.triggers.map(({ metadata }) => metadata.query),
    );
    expect(queries.flatMap((query) => queryProblems(query, known))).toEqual([]);
    const used = queries.flatMap((query) => [
      ...groupedLabels(query),
      ...namedMetrics(query).flatMap(({ matchers }) => matchers.map(({ label }) => label)),
    ]);
    expect(used).not.toContain('service');
  });

  it('name stages and lanes that there are', () => {
    const stages = [...STAGES.map(({ name }) => name), ...REMOVED];
    const scaling = readYamlDocuments('deploy/kubernetes/scaling.yaml').flatMap((document) =>
      Scaled.parse(document).spec.triggers.map(({ metadata }) => metadata.query),
    );
    const panels = dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const named = [...scaling, ...panels, ...rules().map(({ expr }) => expr)]
      .flatMap(namedMetrics)
      .flatMap(({ matchers }) => matchers);
    const values = (label: string) =>
      new Set(
        named
          .filter((each) => each.label === label)
          .flatMap(({ value }) => value.split('|').filter((v) => v !== '$stage')),
      );
    expect([...values('stage')].filter((stage) => !stages.includes(stage))).toEqual([]);
    expect([...values('lane')]).toEqual(['backfill']);
  });
});

describe('the dashboard', () => {
  it('shows every metric of ours', () => {
    const shown = new Set(
      dashboard()
        .panels.flatMap(({ targets = [] }) => targets)
        .flatMap(({ expr }) => namedMetrics(filled(expr)))
        .map(({ metric }) => metric.replace(/_(bucket|count|sum)$/, '')),
    );
    const ours = [...known.keys()]
      .filter((name) => name.startsWith('cinedex_'))
      .map((name) => name.replace(/_(bucket|count|sum)$/, ''));
    expect([...new Set(ours)].filter((name) => !shown.has(name))).toEqual([]);
  });

  it('has panels that say what they show, none over another', () => {
    const { panels } = dashboard();
    for (const { type, title, description, targets, datasource } of panels) {
      if (type === 'row') continue;
      expect(description, title).toBeTruthy();
      expect(targets?.length, title).toBeGreaterThan(0);
      expect(datasource?.uid, title).toBe('prometheus');
    }
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

describe('Prometheus', () => {
  const Config = z.object({
    rule_files: z.array(z.string()),
    scrape_configs: z.array(
      z.object({
        job_name: z.string(),
        dns_sd_configs: z
          .array(z.object({ names: z.array(z.string()), port: z.number() }).loose())
          .optional(),
      }),
    ),
  });

  it('scrapes every process of ours, where it tells its metrics', () => {
    const { scrape_configs: jobs } = Config.loose().parse(readYaml('deploy/prometheus/prometheus.yml'));
    const scraped = jobs.flatMap(({ dns_sd_configs: found = [] }) =>
      found.flatMap(({ names, port }) => names.map((name) => [name, String(port)] as const)),
    );
    const { services } = ComposeFile.parse(readYaml('docker-compose.yml'));
    const serving = Object.entries(services).flatMap(([name, { environment }]) => {
      const port = environment.CINEDEX_RUNTIME_METRICS_PORT;
      return port === undefined ? [] : [[name, port] as const];
    });
    expect(scraped.toSorted()).toEqual(serving.toSorted());
    const processes = Object.entries(services).filter(([, { build, profiles }]) => build && !profiles);
    expect(serving.map(([name]) => name).toSorted()).toEqual(processes.map(([name]) => name).toSorted());
    const networks = new Set(services.prometheus!.networks);
    for (const [name] of serving)
      expect(
        services[name]!.networks.some((one) => networks.has(one)),
        name,
      ).toBe(true);
  });
});

describe('the checks', () => {
  it.each([
    ['a metric that nobody registers', 'sum(cinedex_queue_depth)', /no metric cinedex_queue_depth/],
    ['a label that it has not', 'cinedex_queue_jobs{lane="ogc"}', /cinedex_queue_jobs has no label lane/],
    ['a grouping that it has not', 'max by (lane) (cinedex_queue_jobs)', /has the label lane/],
    ['the sum of a gauge', 'rate(cinedex_ready_count[1m])', /no metric cinedex_ready_count/],
    ['nothing', 'vector(0)', /names no metric/],
  ])('find %s', (_, query, expected) => {
    expect(queryProblems(query, known).join('\n')).toMatch(expected);
  });

  it('read PromQL as it is written', () => {
    const query =
      'histogram_quantile(0.95, sum by (le, stage) (rate(a_bucket{stage=~"x|y",code!="none"}[5m]))) > 2 unless on (stage) b offset 1h';
    expect(namedMetrics(query)).toEqual([
      {
        metric: 'a_bucket',
        matchers: [
          { label: 'stage', value: 'x|y' },
          { label: 'code', value: 'none' },
        ],
      },
      { metric: 'b', matchers: [] },
    ]);
    expect(groupedLabels(query)).toEqual(['le', 'stage', 'stage']);
  });
});
