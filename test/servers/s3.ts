/** The S3 server that suites run on: given by the environment, or S3Proxy where its jars and Java are at hand. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { findProgram, startServer, type TestServer } from './process.ts';

const SCRIPT = path.join(import.meta.dirname, 's3.sh');
let hasWarned = false;
let shared: Promise<TestServer> | undefined;

/** Where an S3 server answers and what it lets one in with. */
export interface S3Address {
  endpoint: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Where suites may write; each under a prefix of its own. */
  bucket: string;
}

/**
 * From S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and S3_BUCKET, or a server started once in this process. Null
 * after saying loudly what is missing; the suite then skips itself.
 */
export async function s3Address(): Promise<S3Address | null> {
  const { S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_BUCKET } = process.env;
  if (S3_ENDPOINT) {
    if (!S3_ACCESS_KEY_ID || !S3_SECRET_ACCESS_KEY || !S3_BUCKET) {
      throw new Error('S3_ENDPOINT is set without S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and S3_BUCKET.');
    }
    return {
      endpoint: S3_ENDPOINT,
      accessKeyId: S3_ACCESS_KEY_ID,
      secretAccessKey: S3_SECRET_ACCESS_KEY,
      bucket: S3_BUCKET,
    };
  }
  if (!canStartS3()) return null;
  shared ??= startS3();
  return addressOf(await shared);
}

/** Whether `startS3` can work; says loudly what is missing. */
export function canStartS3(): boolean {
  if (findProgram('java') === null) return missing('install a Java 17 runtime');
  try {
    execFileSync(SCRIPT, ['home'], { stdio: 'ignore' });
    return true;
  } catch {
    return missing('run test/servers/s3.sh prepare, or set S3_ENDPOINT');
  }
}

/** A server of one's own, which forgets everything when it stops. */
export function startS3(): Promise<TestServer> {
  return startServer({
    name: 's3',
    command: ({ port, folder }) => ({ program: SCRIPT, args: ['serve', folder, String(port)] }),
    url: (port) => `http://127.0.0.1:${port}`,
    // Without a signature it is 403, which is an answer.
    answers: async (port) => (await fetch(`http://127.0.0.1:${port}/`)).status > 0,
    startTimeoutMs: 60_000,
  });
}

export function addressOf(server: TestServer): S3Address {
  const lines = execFileSync(SCRIPT, ['env', String(server.port)], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const value = (name: string) =>
    lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  return {
    endpoint: value('S3_ENDPOINT'),
    accessKeyId: value('S3_ACCESS_KEY_ID'),
    secretAccessKey: value('S3_SECRET_ACCESS_KEY'),
    bucket: value('S3_BUCKET'),
  };
}

function missing(remedy: string): false {
  if (!hasWarned) console.warn(`SKIPPED: no S3 server: ${remedy}. The suites that need it do not run.`);
  hasWarned = true;
  return false;
}
