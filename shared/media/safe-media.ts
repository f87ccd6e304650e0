/**
 * The only place that runs ffmpeg and ffprobe. fluent-ffmpeg builds each command and runs its life cycle; what starts the
 * child, and all limits, are ours: formats and protocols on allow-lists, no shell, a name made by us, and bounds on
 * picture size, memory, processor time, wall time and output. Nothing of a user's reaches a command line.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import ffmpegCommand from 'fluent-ffmpeg';
import type { CoreConfig } from '../config.ts';
import { CinedexError } from '../contracts/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { explainEnding } from './failure.ts';
import { ALLOWED_FORMATS, PROBE_QUESTION, type ProbeResult, readProbe } from './probe.ts';
import { fileIdentity, ProbeMemory } from './probe-memory.ts';
import { isProtectedMp4 } from './protection.ts';
import { type Limits, startConfined } from './sandbox.ts';
import { sniffFile } from './sniff.ts';
import { type Supervised, supervise } from './supervise.ts';
import { findTools, type MediaTools } from './tools.ts';

export type MediaConfig = CoreConfig['media'];

export interface MediaOutput {
  /** The child's file number: 1, 3, 4 or 5. */
  fd: number;
  /** Output options: mapping, codec, `-f`. */
  options: string[];
  /**
   * Reads the output. The child waits while it does not (back-pressure). What it throws ends the child and is thrown by
   * `run`. Must read to the end.
   */
  consume(chunks: AsyncIterable<Buffer>): Promise<void>;
}

export interface RunRequest {
  /** Absolute path of a local file. */
  path: string;
  /** Options before the input, such as `['-noautorotate']`. */
  inputOptions?: string[];
  /** A `-filter_complex` graph. */
  filter?: string;
  outputs: MediaOutput[];
  signal: AbortSignal;
  /** Every line on standard error. With `logLevel: 'info'` that includes what filters print (ebur128, silencedetect). */
  onStderrLine?(line: string): void;
  /** @default 'error' */
  logLevel?: 'error' | 'info';
  /** Wall-clock limit, ms. @default config.timeoutMs */
  timeoutMs?: number;
  /** Bytes over all outputs. @default 16 GiB */
  maxOutputBytes?: number;
  /**
   * Whether a bad end with something already decoded is told in the result instead of thrown: damage must not cost the
   * part that plays. Limits, timeouts and aborts are always thrown. @default false
   */
  tolerateDamage?: boolean;
}

export interface RunResult {
  /** Complaints of the decoders, without duplicates, at most 50. */
  complaints: string[];
  /** All lines at level error, counted. */
  complaintCount: number;
  /** Set when ffmpeg ended badly and `tolerateDamage` was asked for. */
  damage: CinedexError | null;
  outputBytes: number;
}

export interface SafeMedia {
  /**
   * What the file holds. Looks at the first bytes, then asks ffprobe, once for all stages that open the same file.
   * @throws CinedexError MEDIA_EMPTY, MEDIA_UNSUPPORTED, MEDIA_CORRUPT, MEDIA_ENCRYPTED, MEDIA_LIMIT (picture too large),
   * MEDIA_TIMEOUT, ABORTED, DEPENDENCY_MISSING
   */
  probe(path: string, signal: AbortSignal): Promise<ProbeResult>;
  /** @throws CinedexError as `probe`, and FFMPEG_FAILED */
  run(request: RunRequest): Promise<RunResult>;
  /** What is used, found on first use; threads are given it. @throws CinedexError DEPENDENCY_MISSING */
  tools(): Promise<MediaTools>;
}

const GiB = 1024 ** 3;
const MAX_ALLOC_BYTES = GiB / 2;
const PROBE_TIMEOUT_MS = 60_000;
const PROBE_BYTES = 4 * 1024 ** 2;
/**
 * More decoder threads cost memory, and a tenth of the processor time in waiting for each other; with other children beside
 * them they bring little.
 */
const THREADS = Math.max(1, Math.min(4, Math.floor(os.availableParallelism() / 2)));
/** Of the encoders. More of them make a small JPEG dearer: they wait for each other more than they work. */
const ENCODER = ['-threads', '1'];

/** The parts of a fluent-ffmpeg command that we put our own in the place of. */
interface CommandSeams {
  _checkCapabilities(callback: (error?: Error) => void): void;
  availableEncoders(callback: (error: null, encoders: object) => void): void;
  _spawnFfmpeg(
    args: string[],
    options: object,
    /** What it is told of the child is there for a kill of its own, which nobody asks for. */
    started: (child: object, out: null, words: null) => void,
    ended: (error: Error | null, out: TextRing, words: TextRing) => void,
  ): void;
}
interface TextRing {
  get(): string;
}

/** Of all stages of this process. */
const probes = new ProbeMemory();

/** @param given what another thread found; without it the tools are looked for */
export function createSafeMedia(
  config: MediaConfig,
  logger?: Pick<Logger, 'warn'>,
  given?: MediaTools,
): SafeMedia {
  let hasWarned = false;

  async function prepare(): Promise<MediaTools> {
    const tools = given ?? (await findTools(config));
    if (hasWarned) return tools;
    hasWarned = true;
    const { ffmpeg } = tools.binaries;
    if (ffmpeg.origin === 'npm') {
      logger?.warn(
        { path: ffmpeg.path, version: ffmpeg.version, year: ffmpeg.year },
        'using the old ffmpeg that npm installed; a current one (media.ffmpegPath) is safer and faster',
      );
    }
    if (process.platform === 'linux' && !tools.confinement) {
      logger?.warn('setpriv, prlimit or nice is missing: ffmpeg runs without the system’s limits');
    }
    return tools;
  }

  function limits(timeoutMs: number): Limits {
    return {
      memoryBytes: config.maxMemoryBytes,
      cpuSec: Math.ceil((timeoutMs / 1000) * THREADS),
      fileBytes: 1024 ** 2,
    };
  }

  /** Options that belong before every input; both programs know them. */
  const walls = [
    ...['-protocol_whitelist', 'file', '-format_whitelist', ALLOWED_FORMATS],
    ...['-max_pixels', String(config.maxPixels)],
  ];

  async function probe(file: string, signal: AbortSignal): Promise<ProbeResult> {
    const tools = await prepare();
    const looked = await look(file);
    const key = JSON.stringify([await fileIdentity(file), tools.binaries.ffprobe.path, config.maxPixels]);
    return probes.recall(key, (own) => ask(file, looked, tools, own), signal);
  }

  async function ask(
    file: string,
    { sniffed, bytes }: Awaited<ReturnType<typeof look>>,
    tools: MediaTools,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    if (await isProtectedMp4(file)) {
      throw new CinedexError('MEDIA_ENCRYPTED', 'The tracks are protected (common encryption or DRM).');
    }
    return withOwnName(file, async (name) => {
      const args = ['-hide_banner', '-v', 'error', '-max_alloc', String(MAX_ALLOC_BYTES), ...walls];
      const timeoutMs = Math.min(PROBE_TIMEOUT_MS, config.timeoutMs);
      const child = await startConfined(
        tools.binaries.ffprobe.path,
        [...args, ...PROBE_QUESTION, '-i', name],
        [1],
        tools,
        limits(timeoutMs),
      );
      const chunks: Buffer[] = [];
      const { words } = await supervise(child, {
        signal,
        timeoutMs,
        maxOutputBytes: PROBE_BYTES,
        sniffed,
        tolerateDamage: false,
        consumers: [{ fd: 1, consume: (all) => collect(all, chunks) }],
      });
      const result = readProbe(Buffer.concat(chunks).toString('utf8'), bytes, words.kept);
      const { video } = result;
      if (video && (video.storedWidth === 0 || video.storedHeight === 0)) {
        // The decoder refused the picture, so its size is unknown.
        throw explainEnding({
          code: null,
          signal: null,
          sniffed,
          words: [...words.kept, 'could not find the size of the picture'],
        });
      }
      if (video && video.storedWidth * video.storedHeight > config.maxPixels) {
        throw new CinedexError(
          'MEDIA_LIMIT',
          `The picture is ${video.storedWidth}×${video.storedHeight}; media.maxPixels is ${config.maxPixels}.`,
        );
      }
      return result;
    });
  }

  async function run(request: RunRequest): Promise<RunResult> {
    const tools = await prepare();
    const { sniffed } = await look(request.path);
    const timeoutMs = request.timeoutMs ?? config.timeoutMs;
    const { inputOptions = [], logLevel = 'error', outputs } = request;
    return withOwnName(request.path, async (name) => {
      const command = ffmpegCommand({ stdoutLines: 1 });
      // Several arguments, because fluent-ffmpeg splits the entries of a list at blanks.
      command
        .input(name)
        .inputOptions(
          ...([
            ...['-nostdin', '-hide_banner', '-nostats', '-v', logLevel],
            ...['-max_alloc', String(MAX_ALLOC_BYTES), '-filter_complex_threads', '1'],
            ...['-threads', String(THREADS), '-t', String(config.maxDurationSec)],
            ...walls,
            ...inputOptions,
          ] as [string]),
        );
      if (request.filter) command.complexFilter(request.filter);
      for (const { fd, options } of outputs) {
        command
          .output(`pipe:${fd}`)
          .outputOptions(...(['-map_metadata', '-1', ...ENCODER, ...options] as unknown as [string]));
      }
      const supervised = Promise.withResolvers<Supervised>();
      const seams: CommandSeams = {
        // Its tables misread newer builds, and asking starts two more children.
        _checkCapabilities: (callback) => callback(),
        availableEncoders: (callback) => callback(null, {}),
        _spawnFfmpeg(args, _options, started, ended) {
          started({}, null, null);
          const child = startConfined(
            tools.binaries.ffmpeg.path,
            args,
            outputs.map(({ fd }) => fd),
            tools,
            limits(timeoutMs),
          );
          const watch = {
            signal: request.signal,
            timeoutMs,
            maxOutputBytes: request.maxOutputBytes ?? 16 * GiB,
            sniffed,
            tolerateDamage: request.tolerateDamage ?? false,
            consumers: outputs,
            onStderrLine: request.onStderrLine,
          };
          supervised.resolve(child.then((started) => supervise(started, watch)));
          supervised.promise.then(
            ({ words }) => ended(null, ringOf([]), ringOf(words.kept)),
            (error: Error) => ended(error, ringOf([]), ringOf([])),
          );
        },
      };
      Object.assign(command, seams);
      const finished = new Promise<void>((resolve, reject) => {
        command.once('end', () => resolve());
        command.once('error', reject);
      });
      command.run();
      // An error before the child was started reaches only the command; one after it reaches both.
      const [result] = await Promise.all([supervised.promise, finished]);
      return {
        complaints: result.words.kept,
        complaintCount: result.words.count,
        damage: result.damage,
        outputBytes: result.outputBytes,
      };
    });
  }

  return { probe, run, tools: prepare };
}

async function collect(chunks: AsyncIterable<Buffer>, into: Buffer[]): Promise<void> {
  for await (const chunk of chunks) into.push(chunk);
}

async function look(file: string): ReturnType<typeof sniffFile> {
  if (!path.isAbsolute(file)) throw new CinedexError('URI_NOT_ALLOWED', 'Media paths are absolute.');
  try {
    return await sniffFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new CinedexError('MEDIA_NOT_FOUND', 'The media file is gone.', { cause: error });
    }
    throw error;
  }
}

const PLAIN_NAME = /^[A-Za-z0-9/_.-]+$/;

/**
 * Calls `use` with a name that ffmpeg takes literally. A path of plain characters is one; any other (`a:b.mp4`,
 * `%03d.jpg`, quotes, line breaks) is reached through a link in a private folder.
 */
async function withOwnName<T>(file: string, use: (name: string) => Promise<T>): Promise<T> {
  if (PLAIN_NAME.test(file)) return use(`file:${file}`);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cinedex-input-'));
  try {
    const link = path.join(folder, 'media');
    await symlink(file, link);
    return await use(`file:${link}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ringOf(lines: string[]): TextRing {
  return { get: () => lines.join('\n') };
}
