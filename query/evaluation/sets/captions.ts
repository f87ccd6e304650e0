/** Captions as questions for the pictures that they describe: photographs in English, drawings in English and Chinese. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { fold } from '../../../shared/text/normalise.ts';
import { type LabelledQuery, sha256 } from '../labelled-set.ts';
import type { DocumentSet } from './documents.ts';
import { readManifest } from './manifest.ts';

const Picture = z.object({
  file: z.string(),
  sha256: z.string(),
  captions_en: z.array(z.string()).default([]),
  caption_en: z.string().optional(),
  caption_zh: z.string().optional(),
  /** What somebody thought of the Chinese caption who knows both languages. */
  zh_audit: z.string().optional(),
});

/** @throws CinedexError NOT_FOUND without a manifest there, USAGE for another form */
export async function readCaptions(folder: string): Promise<DocumentSet> {
  const { files } = await readManifest(folder, Picture, /^images_(bilingual|coco)\//);
  const queries = new Map<string, LabelledQuery>();
  const add = (id: string, kind: string, language: 'en' | 'zh', text: string) => {
    const key = `${kind} ${fold(text)}`;
    const known = queries.get(key) ?? { text, kind, language, relevant: {}, moments: [] };
    known.relevant[id] = 1;
    queries.set(key, known);
  };
  for (const { file, captions_en, caption_en, caption_zh, zh_audit } of files) {
    // Of several captions of a picture one: the others would be the same question once more.
    if (captions_en[0]) add(file, 'photograph', 'en', captions_en[0]);
    if (caption_en) add(file, 'drawing', 'en', caption_en);
    if (caption_zh && zh_audit === 'ok') add(file, 'drawing', 'zh', caption_zh);
  }
  const made = [...queries.values()];
  return {
    ...{ name: 'captions', names: 'id', queries: made },
    checksum: sha256(JSON.stringify(made), ...files.map((each) => each.sha256)),
    documents: files.map(({ file }) => ({ id: file, picture: () => readFile(path.join(folder, file)) })),
  };
}
