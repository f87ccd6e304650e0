/**
 * Word error rate and processor time of English speech to text on the labelled recordings, as the audio stage runs it:
 * decoded, cut by voice activity, transcribed, foreign speech dropped.
 * Usage: node workers/audio/bench/speech.ts <models folder>
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { editDistance, words } from '../../../bench/metrics/edit-distance.ts';
import { listen, startAnalysis } from '../../../shared/audio/analysis/listen.ts';
import type { SpeechClip } from '../../../shared/audio/analysis/recording.ts';
import { createMoonshine, MOONSHINE_MODELS } from '../../../shared/audio/moonshine.ts';
import { keepUnderstood, type TimedTranscription } from '../../../shared/audio/understood.ts';
import { loadConfig } from '../../../shared/config.ts';
import { createSafeMedia } from '../../../shared/media/safe-media.ts';
import { ModelStore } from '../../../shared/models/store.ts';
import { sharedData } from '../../../test/fixtures/shared-data.ts';

interface Recording {
  set: 'english' | 'digits' | 'foreign';
  file: string;
  text: string;
}

const folder = sharedData();
if (!folder) process.exit(0);
const modelsFolder = process.argv[2] ?? '.cinedex/models';
const models = new ModelStore(path.resolve(modelsFolder));
const media = createSafeMedia(loadConfig({}).media);
const thread = startAnalysis(models);

function recordings(data: string): Recording[] {
  const { files } = JSON.parse(readFileSync(path.join(data, 'manifest.json'), 'utf8')) as {
    files: { file: string; text?: string; lang?: string; speech_file?: string }[];
  };
  return files.flatMap(({ file, text, lang, speech_file }): Recording[] => {
    if (speech_file) {
      const cues = readFileSync(path.join(data, speech_file), 'utf8').split(/\r?\n/);
      return [{ set: 'english', file, text: cues.filter((line) => /[a-z]/i.test(line)).join(' ') }];
    }
    if (!file.startsWith('audio/') || !text) return [];
    if (file.startsWith('audio/digits/')) return [{ set: 'digits', file, text }];
    return [{ set: lang === 'en' ? 'english' : 'foreign', file, text }];
  });
}

async function clipsOf(file: string): Promise<SpeechClip[]> {
  const signal = new AbortController().signal;
  const probe = await media.probe(file, signal);
  const clips: SpeechClip[] = [];
  await listen(media, thread, {
    path: file,
    track: probe.audio!,
    signal,
    timeoutMs: 600_000,
    async onSpeech(clip) {
      clips.push(clip);
    },
  });
  return clips;
}

const heard = await Promise.all(
  recordings(folder).map(async (recording) => ({
    ...recording,
    clips: [] as SpeechClip[],
  })),
);
for (const recording of heard) recording.clips = await clipsOf(path.join(folder, recording.file));
await thread.close();

const results: Record<string, unknown> = {};
for (const id of MOONSHINE_MODELS.filter((model) => models.has(model))) {
  const transcriber = createMoonshine(models, id);
  await transcriber.warmUp();
  const sets: Record<
    string,
    { recordings: number; words: number; errors: number; speechSec: number; cpuSec: number }
  > = {};
  const readings: { file: string; text: string; heard: string; confidence: number[] }[] = [];
  for (const { set, file, text, clips } of heard) {
    const cpu = process.cpuUsage();
    const parts: TimedTranscription[] = [];
    for (const clip of clips) {
      const { startSec, endSec } = clip;
      parts.push({ ...(await transcriber.transcribe(clip.samples)), startSec, endSec });
    }
    const { user, system } = process.cpuUsage(cpu);
    const reading = keepUnderstood(parts)
      .kept.map((part) => part.text)
      .join(' ');
    sets[set] ??= { recordings: 0, words: 0, errors: 0, speechSec: 0, cpuSec: 0 };
    const sums = sets[set];
    sums.recordings += 1;
    // Of foreign speech nothing should be kept: every word that was is an error.
    sums.words += words(text).length;
    sums.errors += set === 'foreign' ? words(reading).length : editDistance(words(text), words(reading));
    sums.speechSec += clips.reduce((sum, clip) => sum + clip.endSec - clip.startSec, 0);
    sums.cpuSec += (user + system) / 1e6;
    readings.push({ file, text, heard: reading, confidence: parts.map((part) => part.confidence) });
  }
  await transcriber.close();
  results[id] = {
    sets: Object.fromEntries(
      Object.entries(sets).map(([name, sums]) => [
        name,
        {
          ...sums,
          ...(name === 'foreign'
            ? { wordsWronglyKept: sums.errors }
            : { wordErrorRate: sums.errors / sums.words }),
          timesRealTime: sums.speechSec / sums.cpuSec,
        },
      ]),
    ),
    readings: readings.filter(({ file }) => !file.includes('/digits/')),
  };
}
const file = new URL('../../../bench/results/speech.json', import.meta.url);
writeFileSync(
  file,
  `${JSON.stringify({ command: 'node workers/audio/bench/speech.ts <models folder>', models: results }, null, 2)}\n`,
);
console.log(readFileSync(file, 'utf8'));
