/** How Redis is reached: bounded in time, with TLS, users, sentinels; and which servers are refused. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeRedis, openRedis, redisName } from '../../shared/adapters/cluster/redis-connection.ts';
import { RedisLedger } from '../../shared/adapters/cluster/redis-ledger.ts';
import { temporaryFolder } from '../fixtures/pipeline.ts';
import { canStartRedis, startRedis, type TestServer } from '../servers/index.ts';
import { findProgram, freePort } from '../servers/process.ts';
import { videoRecord } from './ledger.contract.ts';
import { redisConfig } from './redis-fixture.ts';
import { eventually } from './waiting.ts';

const log = () => {
  const said: string[] = [];
  return {
    said,
    warn: (_: object, message: string) => void said.push(`warn ${message}`),
    error: (_: object, message: string) => void said.push(`error ${message}`),
  };
};

describe('a Redis that is not there', () => {
  it('is named without its password, within the time, and worth another try', async () => {
    const config = redisConfig({ url: `redis://ann:secret@127.0.0.1:${await freePort()}/3`, timeoutMs: 300 });
    const started = performance.now();
    const opening = openRedis(config, 'store', log());
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    await expect(opening).rejects.toThrow(redisName(config));
    await expect(opening).rejects.not.toThrow('secret');
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(redisName(config)).toMatch(/^Redis redis:\/\/127\.0\.0\.1:\d+\/3$/);
  });

  it('is asked for in one way only', async () => {
    const config = redisConfig({ clusterNodes: ['a:1'], sentinels: ['b:2'] });
    await expect(openRedis(config, 'store', log())).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(() => redisConfig({ url: 'http://localhost' })).toThrow('CINEDEX_REDIS_URL');
  });
});

describe.skipIf(!canStartRedis())('a connection to Redis', () => {
  const servers: TestServer[] = [];
  const start = async (...args: string[]) => {
    const server = await startRedis({ args });
    servers.push(server);
    return server;
  };
  afterAll(() => Promise.all(servers.map((server) => server.dispose())));

  it('refuses a server that may evict, warns of one that could', async () => {
    const evicting = await start('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    const refused = openRedis(redisConfig({ url: evicting.url }), 'queue', log());
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(refused).rejects.toThrow('noeviction');
    const could = await start('--maxmemory-policy', 'volatile-lru');
    const told = log();
    await closeRedis(await openRedis(redisConfig({ url: could.url }), 'queue', told));
    expect(told.said.join()).toContain('noeviction');
  });

  it('signs in as a user, and says so when it may not', async () => {
    const server = await start(
      '--user',
      'cinedex',
      'on',
      '>right',
      '~*',
      '&*',
      '+@all',
      '--user',
      'default',
      'off',
    );
    const config = (password: string) => redisConfig({ url: server.url, username: 'cinedex', password });
    const client = await openRedis(config('right'), 'store', log());
    expect(await client.ping()).toBe('PONG');
    await closeRedis(client);
    const refused = openRedis(config('wrong'), 'store', log());
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(refused).rejects.not.toThrow('wrong');
  });

  it('tells once that the server went and once that it came back; commands fail in time meanwhile', async () => {
    const server = await start();
    const told = log();
    const config = redisConfig({ url: server.url, timeoutMs: 500 });
    const ledger = new RedisLedger(await openRedis(config, 'store', told), config.prefix);
    const ref = { tenant: 't', videoId: 'v' };
    await ledger.update(ref, () => videoRecord(ref));
    await server.stop('SIGKILL');
    for (let i = 0; i < 2; i++) {
      await expect(ledger.get(ref)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    }
    await server.restart();
    // It kept nothing over the restart.
    await eventually('it answers', async () => (await ledger.get(ref).catch(() => null)) === undefined);
    await ledger.close();
    expect(told.said.map((line) => line.split(' ')[0])).toEqual(['error', 'warn']);
  });

  const openssl = findProgram('openssl');
  describe.skipIf(openssl === null)('over TLS', () => {
    const { folder, remove } = temporaryFolder();
    const at = (name: string) => path.join(folder, name);
    afterAll(remove);
    beforeAll(() => {
      const run = (...args: string[]) => execFileSync(openssl!, args, { cwd: folder, stdio: 'ignore' });
      const subject = (name: string) => ['-subj', `/CN=${name}`, '-days', '2', '-nodes'];
      run(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-keyout',
        'ca.key',
        '-out',
        'ca.pem',
        ...subject('authority'),
      );
      run(
        'req',
        '-newkey',
        'rsa:2048',
        '-keyout',
        'server.key',
        '-out',
        'server.csr',
        ...subject('localhost'),
      );
      writeFileSync(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1');
      run(
        ...['x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-out', 'server.pem', '-days', '2', '-extfile', 'names'],
      );
    });

    it('trusts the authority of the file, and nobody else', async () => {
      const port = await freePort();
      const server = await start(
        ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
        ...[
          '--tls-cert-file',
          at('server.pem'),
          '--tls-key-file',
          at('server.key'),
          '--tls-ca-cert-file',
          at('ca.pem'),
        ],
      );
      expect(server.pid).toBeDefined();
      const url = `rediss://127.0.0.1:${port}/0`;
      const client = await openRedis(redisConfig({ url, caFile: at('ca.pem') }), 'store', log());
      expect(await client.ping()).toBe('PONG');
      await closeRedis(client);
      const untrusted = openRedis(redisConfig({ url, timeoutMs: 400 }), 'store', log());
      await expect(untrusted).rejects.toThrow(/certificate/);
      const missing = openRedis(redisConfig({ url, caFile: at('none.pem') }), 'store', log());
      await expect(missing).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    });
  });

  it('follows the sentinels to the master, and to the next one when it dies', async () => {
    const master = await start('--repl-diskless-sync-delay', '0');
    const replica = await start('--replicaof', '127.0.0.1', String(master.port));
    const watching = await startSentinel(master.port);
    const config = redisConfig({ sentinels: [watching.address], sentinelName: 'films', timeoutMs: 10_000 });
    const ledger = new RedisLedger(await openRedis(config, 'store', log()), config.prefix);
    const ref = { tenant: 't', videoId: 'v' };
    await ledger.update(ref, () => videoRecord(ref));
    const copy = new Redis(replica.url);
    await eventually('the replica has it', async () => (await copy.dbsize()) > 0);
    await copy.quit();
    await watching.knowsReplica();
    await master.stop('SIGKILL');
    const changed = await eventually(
      'the replica has become master',
      () =>
        ledger
          .update(ref, (current) => ({ ...current!, revision: 2 }))
          .catch((error: { code?: string }) => {
            if (error.code !== 'STORE_UNAVAILABLE') throw error;
            return null;
          }),
      40_000,
    );
    expect(changed.revision).toBe(2);
    await ledger.close();
    await watching.dispose();
  });
});

/** One sentinel, whose word alone counts. */
async function startSentinel(masterPort: number) {
  const { folder, remove } = temporaryFolder();
  const file = path.join(folder, 'sentinel.conf');
  writeFileSync(
    file,
    [
      `sentinel monitor films 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds films 500',
      'sentinel failover-timeout films 3000',
      '',
    ].join('\n'),
  );
  const { startServer, accepts } = await import('../servers/process.ts');
  const server = await startServer({
    name: 'sentinel',
    command: ({ port }) => ({
      program: findProgram('redis-server')!,
      args: [file, '--sentinel', '--port', String(port)],
    }),
    url: (port) => `redis://127.0.0.1:${port}`,
    answers: accepts,
    startTimeoutMs: 20_000,
  });
  return {
    address: `127.0.0.1:${server.port}`,
    knowsReplica: async () => {
      const client = new Redis(server.url);
      await eventually(
        'the sentinel knows the replica',
        async () => {
          const replicas = (await client.call('sentinel', 'replicas', 'films')) as unknown[];
          return replicas.length > 0;
        },
        30_000,
      );
      // A sentinel knows no QUIT.
      client.disconnect();
    },
    dispose: async () => {
      await server.dispose();
      remove();
    },
  };
}
