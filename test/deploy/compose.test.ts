/** docker-compose.yml: no Docker is needed to see that it fits its specification, the configuration and the files it names. */
import { describe, expect, it } from 'vitest';
import { ComposeFile, composeProblems, interpolated, SET, type Service, variables } from './compose-file.ts';
import { read, readYaml } from './files.ts';

const raw = readYaml('docker-compose.yml');
const compose = () => ComposeFile.parse(structuredClone(raw));

/** A copy with something spoiled. */
function spoiled(name: string, spoil: (service: Service) => void): ComposeFile {
  const file = compose();
  spoil(file.services[name]!);
  return file;
}

describe('docker-compose.yml', () => {
  it('has the form of a Compose file', () => {
    expect(ComposeFile.safeParse(raw).error?.issues ?? []).toEqual([]);
    expect(Object.keys(compose().services).toSorted()).toEqual(
      ['cli', 'grafana', 'kafka', 'ops', 'prometheus', 'qdrant', 'query', 'redis', 's3'].concat(
        'worker-heavy',
        'worker-light',
      ),
    );
  });

  it('fits the configuration, its own parts and the files beside it', () => {
    expect(composeProblems(compose())).toEqual([]);
  });

  it('asks for exactly the variables of deploy/example.env, which sets no password', () => {
    const lines = read('deploy/example.env')
      .split('\n')
      .filter((line) => line && !line.startsWith('#'));
    const example = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
    const text = read('docker-compose.yml').replaceAll('$$', '');
    expect(Object.keys(example).toSorted()).toEqual([...variables(text)].toSorted());
    const filled = Object.entries(example).filter(([, value]) => value !== '');
    expect(filled).toEqual([['MEDIA_FOLDER', './media']]);
    expect(read('.gitignore').split('\n')).toContain('.env');
  });

  it('gives containers what it says', () => {
    expect(interpolated({ a: `\${X:?why}`, b: `\${Y:-}`, c: 'x $$HOME' })).toEqual({
      a: SET,
      b: '',
      c: 'x $HOME',
    });
  });
});

describe('the checks', () => {
  it.each<[string, string, (service: Service) => void, RegExp]>([
    ['an image that moves', 'redis', (s) => (s.image = 'redis:latest'), /not pinned/],
    ['an image without a version', 'redis', (s) => (s.image = 'redis'), /not pinned/],
    ['root', 'redis', (s) => (s.user = '0:0'), /runs as root/],
    ['capabilities', 's3', (s) => (s.cap_drop = []), /capabilities/],
    ['a port for everybody', 'grafana', (s) => (s.ports = ['3000:3000']), /open to other machines/],
    ['a default password', 'ops', (s) => (s.environment.CINEDEX_OPS_PASSWORD = 'admin'), /has to be set/],
    [
      'a fallback password',
      'redis',
      (s) => (s.environment.REDISCLI_AUTH = `\${REDIS_PASSWORD:-redis}`),
      /has to be set/,
    ],
    ['a misspelt key', 'query', (s) => (s.environment.CINEDEX_QUERY_PROT = '1'), /no key CINEDEX_QUERY_PROT/],
    ['a wrong value', 'query', (s) => (s.environment.CINEDEX_QUERY_PORT = 'http'), /CINEDEX_QUERY_PORT/],
    ['another port', 'query', (s) => (s.environment.CINEDEX_QUERY_PORT = '8081'), /is probed at/],
    ['another published port', 'query', (s) => (s.ports = ['127.0.0.1:80:80']), /publishes/],
    ['loopback in a container', 'ops', (s) => (s.environment.CINEDEX_OPS_HOST = '127.0.0.1'), /only its own/],
    ['a missing stage', 'worker-heavy', (s) => (s.command = ['worker', '--stages', 'ocr']), /stages are/],
    ['an unknown verb', 'ops', (s) => (s.command = ['operate']), /no verb operate/],
    ['a writable root', 'query', (s) => (s.read_only = false), /writable root/],
    ['a hasty kill', 'worker-light', (s) => (s.stop_grace_period = '10s'), /is killed before/],
    ['a missing mount', 'prometheus', (s) => s.volumes.push('./deploy/none.yml:/x'), /not there/],
    ['an undeclared volume', 'redis', (s) => (s.volumes = ['data:/data']), /no volume data/],
    ['no health check', 'redis', (s) => (s.healthcheck = { disable: true }), /never healthy/],
    ['a port out of internal networks', 'grafana', (s) => (s.networks = ['watch']), /not reached/],
    ['keys that the verbs cannot reach', 'query', (s) => (s.volumes = s.volumes.slice(0, 2)), /API keys/],
    ['eviction', 'redis', (s) => (s.command = ['redis-server', '--appendonly', 'yes']), /evict/],
    ['other brokers', 'ops', (s) => (s.environment.CINEDEX_KAFKA_BROKERS = 'kafka:9093'), /other brokers/],
  ])('find %s', (_, name, spoil, expected) => {
    expect(composeProblems(spoiled(name, spoil)).join('\n')).toMatch(expected);
  });

  it.each([
    ['an unknown element of a service', { privileged: true }],
    ['a number where Compose wants text', { environment: { PORT: 1 } }],
    ['a health check without limits', { healthcheck: { test: ['CMD', 'true'] } }],
    ['no limits', { deploy: undefined }],
  ])('find %s', (_, part) => {
    const file = structuredClone(raw) as { services: Record<string, object> };
    file.services.redis = { ...file.services.redis, ...part };
    expect(ComposeFile.safeParse(file).success).toBe(false);
  });
});
