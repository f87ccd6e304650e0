/** deploy/kubernetes: no cluster is needed to see that the objects fit each other and the configuration. */
import { describe, expect, it } from 'vitest';
import { type Deployment, manifestProblems, readManifests } from './kubernetes-files.ts';

function spoiled(name: string, spoil: (deployment: Deployment) => void): string {
  const files = readManifests();
  const all = [...files.values()].flat().filter((one) => one.kind === 'Deployment');
  spoil(all.find(({ metadata }) => metadata.name === name)!);
  return manifestProblems(files).join('\n');
}
const container = (deployment: Deployment) => deployment.spec.template.spec.containers[0];

describe('the Kubernetes objects', () => {
  it('fit the configuration and each other', () => {
    expect(manifestProblems(readManifests())).toEqual([]);
  });
});

describe('the checks', () => {
  it.each<[string, string, (deployment: Deployment) => void, RegExp]>([
    ['an image that moves', 'ops', (d) => (container(d).image = 'cinedex:latest'), /not pinned/],
    [
      'a misspelt key',
      'query',
      (d) => container(d).env.push({ name: 'CINEDEX_QUERRY', value: '1' }),
      /no key CINEDEX_QUERRY/,
    ],
    [
      'a wrong value',
      'query',
      (d) => container(d).env.push({ name: 'CINEDEX_INDEX', value: 'milvus' }),
      /CINEDEX_INDEX/,
    ],
    ['another port', 'ops', (d) => (container(d).ports[0]!.containerPort = 80), /other ports/],
    [
      'metrics elsewhere',
      'ops',
      (d) => (d.spec.template.metadata.annotations['prometheus.io/port'] = '8090'),
      /scraped elsewhere/,
    ],
    [
      'a hasty kill',
      'worker-light',
      (d) => (d.spec.template.spec.terminationGracePeriodSeconds = 10),
      /is killed before/,
    ],
    [
      'a probe of no port',
      'query',
      (d) => (container(d).livenessProbe.httpGet.port = 'web'),
      /probed at port web/,
    ],
    [
      'a killing readiness',
      'query',
      (d) => (container(d).livenessProbe.httpGet.path = '/readyz'),
      /is ended when/,
    ],
    ['a missing stage', 'worker-heavy', (d) => (container(d).args[3] = 'ocr'), /stages are/],
    ['pods of others', 'query', (d) => (d.spec.selector.matchLabels = { app: 'x' }), /other pods/],
    ['a scaler of nothing', 'worker-heavy', (d) => (d.metadata.name = 'worker'), /scales worker-heavy/],
    ['a query open to all', 'query', (d) => container(d).volumeMounts.pop(), /no keys/],
  ])('find %s', (_, name, spoil, expected) => {
    expect(spoiled(name, spoil)).toMatch(expected);
  });
});
