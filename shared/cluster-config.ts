/** Keys of the servers that `CINEDEX_MODE=cluster` uses. */
import { z } from 'zod';
import { booleanWord, commaList, whole } from './config-values.ts';

export const CLUSTER_SECTIONS = {
  kafka: z.object({
    brokers: commaList.default(['localhost:9092']).describe('Kafka brokers, host:port, separated by commas'),
    clientId: z.string().min(1).default('cinedex').describe('Name by which brokers know this system'),
    topicPrefix: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{0,64}$/)
      .default('')
      .describe('Beginning of every topic and consumer group, so that several systems can share a Kafka'),
    tls: booleanWord.default(false).describe('Whether brokers are spoken to over TLS'),
    caFile: z
      .string()
      .default('')
      .describe('PEM file of the authority that signed the brokers; empty: the system’s'),
    saslMechanism: z
      .enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512'])
      .default('none')
      .describe('How to sign in to the brokers'),
    saslUsername: z.string().default('').describe('User of the brokers'),
    saslPassword: z.string().default('').describe('Password of the brokers'),
    replication: whole(1, 32)
      .default(1)
      .describe('Copies of each partition of topics that are created; 3 in production'),
    retentionHours: whole(0, 10 ** 6)
      .default(0)
      .describe('How long created topics keep events; 0: for ever, so that everything can be replayed'),
    compression: z
      .enum(['none', 'gzip', 'zstd'])
      .default('zstd')
      .describe('Compression of what is published'),
    publishTimeoutMs: whole(1_000, 10 ** 6)
      .default(20_000)
      .describe('How long publishing is tried again while brokers are away'),
    sessionTimeoutMs: whole(6_000, 300_000)
      .default(15_000)
      .describe('Silence after which a consumer counts as dead and another gets its partitions'),
    ogcWeight: whole(1, 100).default(3).describe('Share of OGC events when both kinds wait'),
    ugcWeight: whole(1, 100).default(1).describe('Share of UGC events when both kinds wait'),
  }),
  redis: z.object({
    url: z
      .url({ protocol: /^rediss?$/ })
      .default('redis://localhost:6379/0')
      .describe('Redis, redis:// or rediss:// (TLS), with the number of the database'),
    clusterNodes: commaList.default([]).describe('Nodes of a Redis Cluster, host:port; instead of the url'),
    sentinels: commaList.default([]).describe('Sentinels, host:port; instead of the url'),
    sentinelName: z.string().default('mymaster').describe('Name that the sentinels know the master by'),
    sentinelPassword: z.string().default('').describe('Password of the sentinels; empty: none'),
    username: z.string().default('').describe('User of Redis; empty: what the url says'),
    password: z.string().default('').describe('Password of Redis; empty: what the url says'),
    tls: booleanWord
      .default(false)
      .describe('Whether Redis is spoken to over TLS; a rediss:// url says so too'),
    caFile: z
      .string()
      .default('')
      .describe('PEM file of the authority that signed Redis; empty: the system’s'),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,32}$/)
      .default('cinedex')
      .describe('Beginning of every key, so that several systems can share a Redis'),
    timeoutMs: whole(100, 10 ** 6)
      .default(10_000)
      .describe('Limit of connecting, and of a command of the ledger or the gallery'),
  }),
  qdrant: z.object({
    url: z
      .url({ protocol: /^https?$/ })
      .default('http://localhost:6333')
      .describe('Qdrant’s REST endpoint'),
    apiKey: z.string().default('').describe('API key of Qdrant'),
    timeoutMs: whole(100, 10 ** 6)
      .default(30_000)
      .describe('Limit of one request to Qdrant'),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,32}$/)
      .default('cinedex')
      .describe('Beginning of every collection’s name'),
    int8: booleanWord
      .default(true)
      .describe('Whether dense vectors are quantised to int8 (rescored with the originals)'),
    onDisk: booleanWord.default(false).describe('Whether original vectors and payload stay on disk'),
    shards: whole(1, 128).default(1).describe('Shards of a new collection'),
    replication: whole(1, 16).default(1).describe('Copies of each shard of a new collection'),
  }),
  s3: z.object({
    endpoint: z.string().default('').describe('S3-compatible endpoint; empty: Amazon’s'),
    region: z.string().min(1).default('us-east-1').describe('Region'),
    bucket: z.string().default('cinedex').describe('Bucket of artifacts'),
    prefix: z.string().default('').describe('Beginning of every object’s key in it'),
    accessKeyId: z.string().default('').describe('Access key; empty: the usual chain of credentials'),
    secretAccessKey: z.string().default('').describe('Its secret'),
    pathStyle: booleanWord
      .default(true)
      .describe('Bucket in the path and not in the host name (most servers but Amazon’s)'),
    partBytes: whole(5 * 1024 ** 2, 1024 ** 3)
      .default(16 * 1024 ** 2)
      .describe('Part of a multipart upload, bytes'),
    createBucket: booleanWord
      .default(false)
      .describe('Whether a missing bucket of artifacts is made; if not, the start says that it is missing'),
    timeoutMs: whole(100, 10 ** 7)
      .default(30_000)
      .describe('Limit of one request, and of a silence in an answer'),
    attempts: whole(1, 20)
      .default(4)
      .describe('How often a request is made before the step that wants it fails'),
    mediaBuckets: commaList
      .default([])
      .describe('Buckets whose videos may be indexed by s3:// uris; none: none may'),
  }),
} as const;
