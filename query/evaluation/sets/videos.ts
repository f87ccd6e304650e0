/** The labelled media of a shared folder (`manifest.json` with captions, queries, texts and speech of each file) as a labelled set. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { fold } from '../../../shared/text/normalise.ts';
import { detectLanguage } from '../../../shared/text/script.ts';
import { type LabelledQuery, type LabelledSet, sha256 } from '../labelled-set.ts';
import { readManifest } from './manifest.ts';

const Texts = z.array(z.string()).default([]);
const Video = z.object({
  file: z.string(),
  labels: Texts,
  queries_en: Texts,
  queries_zh: Texts,
  ocr_text: Texts,
  speech: z.array(z.object({ start: z.number(), end: z.number(), text: z.string() })).default([]),
  speech_file: z.string().optional(),
});

/** @throws CinedexError NOT_FOUND without a manifest there, USAGE for another form */
export async function readVideoLabels(folder: string): Promise<LabelledSet> {
  const { text, files } = await readManifest(folder, Video, /^videos\//);
  const queries = new Map<string, LabelledQuery>();
  const subtitles: string[] = [];
  const add = (file: string, kind: string, asked: string, span?: { startSec: number; endSec: number }) => {
    const key = `${kind} ${fold(asked)}`;
    const known = queries.get(key) ?? {
      ...{ text: asked, kind, language: detectLanguage(asked) },
      ...{ relevant: {}, moments: [] },
    };
    const video = path.basename(file);
    known.relevant[video] = 1;
    if (span) known.moments.push({ video, ...span });
    queries.set(key, known);
  };
  for (const { file, labels, queries_en, queries_zh, ocr_text, speech, speech_file } of files) {
    for (const asked of [...queries_en, ...queries_zh]) add(file, 'seen', asked);
    // Some entries describe what stands there instead of quoting it.
    for (const asked of ocr_text.filter((each) => !/burned in|running|\.\./.test(each))) {
      add(file, 'shown', asked);
    }
    for (const label of labels.filter((each) => /^[a-z ]+$/i.test(each))) add(file, 'label', label);
    for (const { start, end, text: said } of speech)
      add(file, 'said', said, { startSec: start, endSec: end });
    if (speech_file) {
      const srt = await readFile(path.join(folder, speech_file), 'utf8');
      subtitles.push(srt);
      for (const { text: said, ...span } of sentences(srt)) add(file, 'said', said, span);
    }
  }
  const name = `videos of ${path.basename(folder)}`;
  return { name, names: 'file', checksum: sha256(text, ...subtitles), queries: [...queries.values()] };
}

/** Every third pair of neighbouring subtitles, which is about what somebody remembers of a speech. */
function sentences(srt: string): { startSec: number; endSec: number; text: string }[] {
  const seconds = (time: string) =>
    time.split(/[:,]/).reduce((sum, part, i) => sum + Number(part) * [3_600, 60, 1, 0.001][i]!, 0);
  const cues = srt.split(/\r?\n\r?\n/).flatMap((block) => {
    const [, times = '', ...lines] = block.trim().split(/\r?\n/);
    const [from, to] = times.split(' --> ');
    return from && to ? [{ startSec: seconds(from), endSec: seconds(to), text: lines.join(' ') }] : [];
  });
  return cues.flatMap((cue, i) => {
    const next = cues[i + 1];
    if (i % 3 !== 0 || !next) return [];
    return [{ startSec: cue.startSec, endSec: next.endSec, text: `${cue.text} ${next.text}` }];
  });
}
