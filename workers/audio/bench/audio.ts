/**
 * The audio stage without speech to text: how well sounds are labelled, whether fingerprints tell the same recording
 * from another after what re-uploads do to sound, and what each part costs beside decoding alone.
 * Usage: node workers/audio/bench/audio.ts        the benchmark
 *        node workers/audio/bench/audio.ts scale  measures the constants of the segment embedding anew (another stage version then)
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { rawEmbedding } from '../../../shared/audio/analysis/embedding.ts';
import { FeatureExtractor } from '../../../shared/audio/analysis/features.ts';
import { SAMPLE_RATE } from '../../../shared/audio/analysis/frame-sizes.ts';
import { LoudnessMeter } from '../../../shared/audio/analysis/loudness-meter.ts';
import { type Analysis, RecordingAnalysis } from '../../../shared/audio/analysis/recording.ts';
import { VoiceActivity } from '../../../shared/audio/analysis/voice-activity.ts';
import { hannWindow, RealFft } from '../../../shared/audio/fft.ts';
import { FINGERPRINT_FRAME, fingerprintOf, type SpectrumSource } from '../../../shared/audio/fingerprint.ts';
import { compareFingerprints, SAME_RECORDING_BER } from '../../../shared/audio/fingerprint-match.ts';
import { findBinaries } from '../../../shared/media/binaries.ts';
import { ModelStore } from '../../../shared/models/store.ts';
import { sharedData } from '../../../test/fixtures/shared-data.ts';

const found = sharedData();
if (!found) process.exit(0);
const data: string = found;
const { ffmpeg } = await findBinaries({ ffmpegPath: '', ffprobePath: '' });
const voice = await VoiceActivity.load(new ModelStore('models').file('silero-vad', 'silero_vad_v5.onnx'));
const scratch = mkdtempSync(path.join(os.tmpdir(), 'cinedex-bench-audio-'));

function run(...args: string[]): Buffer {
  return execFileSync(ffmpeg.path, ['-nostdin', '-v', 'error', '-y', ...args], { maxBuffer: 1 << 29 });
}

function decode(file: string, ...options: string[]): Float32Array {
  const raw = run(...options, '-i', file, '-vn', '-ac', '1', '-ar', String(SAMPLE_RATE), '-f', 'f32le', '-');
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
}

async function analyse(samples: Float32Array): Promise<Analysis> {
  const analysis = new RecordingAnalysis(voice);
  for (let at = 0; at < samples.length; at += SAMPLE_RATE * 4) {
    await analysis.push(samples.slice(at, at + SAMPLE_RATE * 4));
  }
  return (await analysis.finish()).analysis;
}

/** The kind that fills most of a recording. */
function mainKind({ segments }: Analysis): string {
  const seconds = new Map<string, number>();
  for (const { kind, startSec, endSec } of segments) {
    seconds.set(kind, (seconds.get(kind) ?? 0) + endSec - startSec);
  }
  return [...seconds].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'silence';
}

const FOLDERS: [folder: string, truth: string][] = [
  ['audio/three_class/speech', 'speech'],
  ['audio/three_class/music', 'music'],
  ['audio/three_class/silence', 'silence'],
  ['audio/music', 'music'],
  ['audio/events', 'other'],
  ['audio/speech', 'speech'],
];

async function labels() {
  const folders: Record<
    string,
    { truth: string; recordings: number; right: number; answers: Record<string, number> }
  > = {};
  for (const [folder, truth] of FOLDERS) {
    const answers: Record<string, number> = {};
    const files = readdirSync(path.join(data, folder));
    for (const file of files) {
      const kind = mainKind(await analyse(decode(path.join(data, folder, file))));
      answers[kind] = (answers[kind] ?? 0) + 1;
    }
    folders[folder] = { truth, recordings: files.length, right: answers[truth] ?? 0, answers };
  }
  const all = Object.values(folders);
  const sum = (pick: (entry: (typeof all)[number]) => number) =>
    all.reduce((total, entry) => total + pick(entry), 0);
  return { accuracy: sum((entry) => entry.right) / sum((entry) => entry.recordings), folders };
}

const fft = new RealFft(FINGERPRINT_FRAME);
const window = hannWindow(FINGERPRINT_FRAME);
const spectrum: SpectrumSource = (samples, offset, power) => fft.power(samples, offset, window, power);

const TRANSFORMS: Record<string, string[]> = {
  aac64: ['-c:a', 'aac', '-b:a', '64k', '-f', 'adts'],
  mp3at48: ['-c:a', 'libmp3lame', '-b:a', '48k', '-f', 'mp3'],
  phone8k: ['-ar', '8000', '-f', 'wav'],
  quieter12dB: ['-af', 'volume=-12dB', '-f', 'wav'],
  noise: ['-af', 'aeval=val(0)+0.02*(random(0)-0.5)', '-f', 'wav'],
  trimmed3s: ['-ss', '3.017', '-f', 'wav'],
  tempoPlus5: ['-af', 'atempo=1.05', '-f', 'wav'],
  tempoMinus3: ['-af', 'atempo=0.97', '-f', 'wav'],
  pitchPlus5: ['-af', 'asetrate=46305,aresample=44100', '-f', 'wav'],
};

function fingerprints() {
  const { files } = JSON.parse(readFileSync(path.join(data, 'manifest.json'), 'utf8')) as {
    files: { file: string; probe?: { seconds: number | null; audio: string | null } }[];
  };
  const pieces: { file: string; wave: string; words: Uint32Array }[] = [];
  for (const { file, probe } of files) {
    if (!probe?.audio || !/^(videos|audio\/(speech|diarization))\//.test(file)) continue;
    for (let start = 0; start + 7 <= Math.min(probe.seconds ?? 0, 60); start += 20) {
      const wave = path.join(scratch, `${pieces.length}.wav`);
      run(
        ...['-ss', String(start), '-t', '20', '-i', path.join(data, file)],
        ...['-vn', '-ac', '1', '-ar', '44100', wave],
      );
      const words = fingerprintOf(decode(wave), spectrum);
      // Silent tracks have nothing to compare.
      if (words.filter((word) => word !== 0).length * 0.064 >= 5) pieces.push({ file, wave, words });
    }
  }
  const different: number[] = [];
  for (const [index, a] of pieces.entries()) {
    for (const b of pieces.slice(index + 1)) {
      if (a.file === b.file || isSameSource(a.file, b.file)) continue;
      different.push(compareFingerprints(a.words, b.words).bitErrorRate);
    }
  }
  const transforms = Object.fromEntries(
    Object.entries(TRANSFORMS).map(([name, options]) => {
      const rates = pieces.map(({ wave, words }) => {
        const changed = path.join(scratch, 'changed');
        run('-i', wave, ...options, changed);
        return compareFingerprints(words, fingerprintOf(decode(changed), spectrum)).bitErrorRate;
      });
      return [
        name,
        {
          pieces: rates.length,
          found: rates.filter((rate) => rate <= SAME_RECORDING_BER).length,
          ...spread(rates),
        },
      ];
    }),
  );
  return {
    threshold: SAME_RECORDING_BER,
    transforms,
    different: {
      pairs: different.length,
      falselyFound: different.filter((rate) => rate <= SAME_RECORDING_BER).length,
      ...spread(different),
    },
  };
}

/** The same clip in several containers. */
function isSameSource(a: string, b: string): boolean {
  const family = /autocut_test/;
  return family.test(a) && family.test(b);
}

function spread(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  return { lowest: sorted[0], median: sorted[sorted.length >> 1], highest: sorted.at(-1) };
}

/** Processor seconds of ffmpeg for the file, by its own account. */
function ffmpegSeconds(file: string, ...options: string[]): number {
  const script = `'${ffmpeg.path}' -nostdin -v info -benchmark -y -i "$0" "$@" 2>&1 | tee /dev/stderr`;
  const text = execFileSync('sh', ['-c', script, file, ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString();
  const [, user, system] = /utime=([\d.]+)s stime=([\d.]+)s/.exec(text) ?? [];
  return Number(user) + Number(system);
}

async function cpuSeconds(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function cost() {
  const file = path.join(data, 'videos/manifesto.mp4');
  const samples = decode(file);
  const seconds = samples.length / SAMPLE_RATE;
  const decoding = ['-vn', '-ac', '1', '-ar', String(SAMPLE_RATE), '-f', 'f32le', '/dev/null'];
  const measured: Record<string, number> = {
    decode: ffmpegSeconds(file, ...decoding),
    'decode, loudness and true peak by ffmpeg': ffmpegSeconds(
      file,
      '-af',
      'ebur128=peak=true:framelog=verbose',
      ...decoding,
    ),
    'loudness and true peak here': await cpuSeconds(() => {
      const meter = new LoudnessMeter(1, SAMPLE_RATE);
      meter.push(samples);
      return meter.finish();
    }),
    features: await cpuSeconds(() => new FeatureExtractor().push(samples)),
    'voice activity': await cpuSeconds(() => {
      voice.reset();
      return voice.push(samples);
    }),
    'whole analysis (features, voice, segments, embeddings, fingerprint)': await cpuSeconds(() =>
      analyse(samples),
    ),
  };
  return Object.fromEntries(
    Object.entries(measured).map(([part, cpuSec]) => [
      part,
      { cpuSec, timesRealTime: seconds / cpuSec, timesDecoding: cpuSec / measured.decode! },
    ]),
  );
}

/** Centre and deviation of every embedding value over three-second pieces of all audible recordings. */
function measureScale(): void {
  const files = FOLDERS.flatMap(([folder]) =>
    readdirSync(path.join(data, folder)).map((file) => path.join(folder, file)),
  );
  const clips = ['MVI_4823.AVI', 'art-critic.mp4', 'autoeditor_example.mp4', 'big_buck_bunny_0_30.webm'];
  const longer = [...clips, 'chaplin.mp4', 'manifesto.mp4', 'nasa_13013.mp4', 'hdr10-av1.mp4'];
  const rows: Float32Array[] = [];
  for (const file of [...files, ...longer.map((name) => path.join('videos', name))]) {
    const features = new FeatureExtractor();
    features.push(decode(path.join(data, file), '-t', '60'));
    features.finish();
    for (let first = 0; first < features.blocks.length; first += 6) {
      const blocks = features.blocks.slice(first, first + 6);
      if (blocks.reduce((sum, block) => sum + block.power, 0) / blocks.length < 1e-5) continue;
      const row = rawEmbedding(blocks);
      if (row) rows.push(row);
    }
  }
  const mean = (pick: (row: Float32Array) => number) =>
    rows.reduce((sum, row) => sum + pick(row), 0) / rows.length;
  const centre = Array.from(rows[0]!, (_, i) => mean((row) => row[i]!));
  const deviation = centre.map((middle, i) =>
    Math.max(1e-4, Math.sqrt(mean((row) => (row[i]! - middle) ** 2))),
  );
  const short = (values: number[]) => values.map((value) => Number(value.toPrecision(4)));
  const target = new URL('../../../shared/audio/analysis/embedding-scale.json', import.meta.url);
  writeFileSync(target, `${JSON.stringify({ centre: short(centre), deviation: short(deviation) })}\n`);
}

if (process.argv[2] === 'scale') {
  measureScale();
  process.exit(0);
}
const result = {
  command: 'node workers/audio/bench/audio.ts',
  labels: await labels(),
  fingerprints: fingerprints(),
  cost: await cost(),
};
rmSync(scratch, { recursive: true, force: true });
const file = new URL('../../../bench/results/audio.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
console.log(readFileSync(file, 'utf8'));
