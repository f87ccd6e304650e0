/** A Redis Cluster of three masters, on this machine. */
import { Redis } from 'ioredis';
import { startRedis, type TestServer } from '../servers/index.ts';
import { freePort } from '../servers/process.ts';
import { eventually } from './waiting.ts';

const SLOTS = 16_384;
const NODES = 3;

export interface RedisClusterServers {
  /** `host:port` of each. */
  nodes: string[];
  dispose(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisClusterServers> {
  const servers: TestServer[] = [];
  const busPorts: string[] = [];
  const dispose = async () => {
    await Promise.all(servers.map((server) => server.dispose()));
  };
  try {
    for (let i = 0; i < NODES; i++) {
      const bus = String(await freePort());
      servers.push(await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', bus] }));
      const client = new Redis(servers[i]!.url);
      const first = Math.floor((i * SLOTS) / NODES);
      await client.call('cluster', 'addslotsrange', first, Math.floor(((i + 1) * SLOTS) / NODES) - 1);
      const met = servers[0]!;
      if (i > 0) await client.call('cluster', 'meet', '127.0.0.1', met.port, busPorts[0]!);
      busPorts.push(bus);
      await client.quit();
    }
    for (const { url } of servers) {
      const client = new Redis(url);
      await eventually('the nodes know each other', async () => {
        const info = String(await client.call('cluster', 'info'));
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`);
      });
      await client.quit();
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { nodes: servers.map(({ port }) => `127.0.0.1:${port}`), dispose };
}
