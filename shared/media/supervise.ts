/** From a started child to its end: its outputs, its words, its bounds, and what a bad end means. */
import { CinedexError } from '../contracts/errors.ts';
import type { StartedChild } from './child.ts';
import { explainEnding, withoutAddresses } from './failure.ts';
import type { Sniffed } from './sniff.ts';

export interface Watch {
  signal: AbortSignal;
  timeoutMs: number;
  maxOutputBytes: number;
  sniffed: Sniffed;
  tolerateDamage: boolean;
  /** What reads which of the child's file numbers. */
  consumers: { fd: number; consume(chunks: AsyncIterable<Buffer>): Promise<void> }[];
  onStderrLine?: (line: string) => void;
}

export interface Supervised {
  words: Complaints;
  damage: CinedexError | null;
  outputBytes: number;
}

/**
 * Sees a child through to its end: feeds the consumers, keeps its words, and kills it when a bound is crossed.
 * @throws what a consumer throws; CinedexError ABORTED, MEDIA_TIMEOUT, MEDIA_LIMIT, FFMPEG_FAILED, or what its words explain
 */
export async function supervise(child: StartedChild, watch: Watch): Promise<Supervised> {
  let stopped: unknown;
  const stop = (reason: unknown) => {
    stopped ??= reason;
    child.kill();
  };
  const onAbort = () => stop(new CinedexError('ABORTED', 'Reading the media was stopped.'));
  const timer = setTimeout(
    () => stop(new CinedexError('MEDIA_TIMEOUT', `ffmpeg ran longer than ${watch.timeoutMs} ms.`)),
    watch.timeoutMs,
  );
  watch.signal.addEventListener('abort', onAbort, { once: true });
  if (watch.signal.aborted) onAbort();

  let outputBytes = 0;
  async function* counted(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      outputBytes += chunk.length;
      if (outputBytes > watch.maxOutputBytes) {
        throw new CinedexError('MEDIA_LIMIT', `Decoding gave more than ${watch.maxOutputBytes} bytes.`);
      }
      yield chunk;
    }
  }
  const words = new Complaints();
  const reading = Promise.all([
    readLines(child.pipe(2), (line) => {
      words.add(line);
      watch.onStderrLine?.(line);
    }),
    ...watch.consumers.map(({ fd, consume }) => consume(counted(child.pipe(fd)))),
  ]).catch(stop);
  try {
    const { code, signal } = await child.closed.catch((error: Error) => {
      throw new CinedexError('FFMPEG_FAILED', `It could not be started: ${error.message}`, { cause: error });
    });
    await reading;
    if (stopped) throw stopped;
    if (code === 0) return { words, damage: null, outputBytes };
    const failure = explainEnding({ code, signal, words: words.kept, sniffed: watch.sniffed });
    const isDamage = failure.code === 'MEDIA_CORRUPT' || failure.code === 'FFMPEG_FAILED';
    if (watch.tolerateDamage && isDamage && outputBytes > 0) return { words, damage: failure, outputBytes };
    throw failure;
  } finally {
    clearTimeout(timer);
    watch.signal.removeEventListener('abort', onAbort);
  }
}

const KEPT_COMPLAINTS = 50;

/** The distinct things a child complained of, and how often it complained at all. */
class Complaints {
  readonly kept: string[] = [];
  count = 0;
  readonly #seen = new Set<string>();

  add(line: string): void {
    this.count += 1;
    const plain = withoutAddresses(line);
    if (this.kept.length >= KEPT_COMPLAINTS || this.#seen.has(plain)) return;
    this.#seen.add(plain);
    this.kept.push(plain);
  }
}

const LONGEST_LINE = 4_096;

async function readLines(stream: AsyncIterable<Buffer>, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString('utf8')).split(/\r\n|\r|\n/);
    rest = lines.pop()!.slice(0, LONGEST_LINE);
    for (const line of lines) if (line) onLine(line.slice(0, LONGEST_LINE));
  }
  if (rest) onLine(rest);
}
