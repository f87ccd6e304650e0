/** Titles that people judged for questions: films and products in English, web pages in Chinese. For grading, not for recall. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { formatZodError } from '../../../shared/contracts/zod.ts';
import { foldOf } from '../../relevance/train.ts';
import { type LabelledQuery, sha256 } from '../labelled-set.ts';
import type { DocumentSet, SetDocument } from './documents.ts';

const Grade = z.coerce.number().int().min(0).max(4);
const Film = z.object({
  query: z.string(),
  tmdb_id: z.number(),
  title: z.string(),
  genres: z.string().default(''),
  grade: Grade,
});
const Product = z.object({
  query: z.string(),
  docid: z.string(),
  name: z.string(),
  description: z.string().nullish(),
  final_rating: Grade,
});
const Page = z.object({ query: z.string(), title: z.string(), label: Grade });

/** Of the many Chinese questions so many are asked, always the same ones; they are those with two titles or more. */
const PAGE_QUESTIONS = 150;

/** @throws CinedexError NOT_FOUND without the files of judgements, USAGE for another form */
export async function readTitles(folder: string): Promise<DocumentSet> {
  const read = <T>(file: string, row: z.ZodType<T>) => readRows(path.join(folder, 'text', file), row);
  const [films, products, pages] = await Promise.all([
    read('tmdb_title_judgments.jsonl', Film),
    read('chorus_ecom_ratings.jsonl', Product),
    read('qbqtc_dev.jsonl', Page),
  ]);
  const documents = new Map<string, SetDocument>();
  const queries = new Map<string, LabelledQuery>();
  const add = (kind: string, asked: string, { id, ...texts }: SetDocument, grade: number) => {
    documents.set(id, { id, ...texts });
    const key = `${kind} ${asked}`;
    const language = kind === 'page' ? 'zh' : 'en';
    const known = queries.get(key) ?? { text: asked, kind, language, relevant: {}, moments: [] };
    known.relevant[id] = Math.max(known.relevant[id] ?? 0, grade);
    queries.set(key, known);
  };
  for (const { query, tmdb_id, title, genres, grade } of films) {
    add('film', query, { id: `film ${tmdb_id}`, title, about: genres.replaceAll('|', ', ') }, grade);
  }
  for (const { query, docid, name, description, final_rating } of products) {
    add('product', query, { id: `product ${docid}`, title: name, about: description ?? '' }, final_rating);
  }
  const asked = Map.groupBy(pages, ({ query }) => query);
  const chosen = [...asked]
    .filter(([, titles]) => titles.length > 1 && titles.some(({ label }) => label > 0))
    .sort(([a], [b]) => foldOf(a, 1e9) - foldOf(b, 1e9))
    .slice(0, PAGE_QUESTIONS);
  for (const { query, title, label } of chosen.flatMap(([, titles]) => titles)) {
    add('page', query, { id: `page ${title}`, title }, label);
  }
  const answerable = [...queries.values()].filter(({ relevant }) =>
    Object.values(relevant).some((grade) => grade > 0),
  );
  const made = [...documents.values()];
  return {
    ...{ name: 'titles', names: 'id', queries: answerable, documents: made },
    checksum: sha256(JSON.stringify(answerable), JSON.stringify(made)),
  };
}

async function readRows<T>(file: string, row: z.ZodType<T>): Promise<T[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CinedexError('NOT_FOUND', `There is no file ${file}.`, { cause });
  });
  return text
    .split('\n')
    .filter(Boolean)
    .map((line, i) => {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (cause) {
        throw new CinedexError('USAGE', `Line ${i + 1} of ${file} is no JSON.`, { cause });
      }
      const checked = row.safeParse(value);
      if (checked.success) return checked.data;
      throw new CinedexError('USAGE', `${file}, line ${i + 1}: ${formatZodError(checked.error)}`);
    });
}
