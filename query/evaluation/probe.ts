/** Whether an index is fit to be measured: everything that was published is in it and can be found. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { pointId } from '../../shared/index/schema.ts';
import type { Ledger } from '../../shared/ports/ledger.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import type { LabelledSet } from './labelled-set.ts';

export interface Library {
  generation: string;
  /** Ids of indexed videos by id and by file name. */
  ids: ReadonlyMap<string, string>;
  videos: number;
  /** Labelled videos that cannot be indexed, with the reason; they are left out of the measures. */
  failed: { name: string; reason: string }[];
}

const PROBED = 25;

/**
 * @param set names that its queries call relevant
 * @throws CinedexError INDEX_INCOMPLETE naming the first things that are missing
 */
export async function probeIndex(
  { index, ledger }: { index: VideoIndex; ledger: Ledger },
  tenant: string,
  set: Pick<LabelledSet, 'queries' | 'names'>,
): Promise<Library> {
  const problems: string[] = [];
  const failed = new Map<string, string>();
  const ids = new Map<string, string>();
  const generation = await index.active();
  if (generation === null) throw new CinedexError('INDEX_INCOMPLETE', 'There is no index to measure.');
  let cursor: string | undefined;
  do {
    const page = await ledger.list({ tenant, cursor });
    for (const { media, videoId, deleted, steps } of page.records) {
      if (deleted) continue;
      const name = set.names === 'file' ? fileName(media.uri) : videoId;
      const open = Object.entries(steps).filter(([, { status }]) =>
        ['pending', 'queued', 'running'].includes(status),
      );
      const status = steps.document?.status;
      if (open.length > 0)
        problems.push(`${videoId} is still worked on (${open.map(([stage]) => stage).join(', ')})`);
      else if (status === 'done' || status === 'partial') ids.set(name, videoId);
      else
        failed.set(name, Object.values(steps).find(({ error }) => error)?.error?.code ?? status ?? 'unknown');
    }
    cursor = page.cursor ?? undefined;
  } while (cursor);
  const wanted = [...new Set(set.queries.flatMap(({ relevant }) => Object.keys(relevant)))];
  for (const name of wanted) {
    if (!ids.has(name) && !failed.has(name)) problems.push(`${name} was never published`);
  }
  problems.push(...(await missingPoints(index, generation, tenant, [...ids.values()])));
  if (problems.length > 0) {
    const more = problems.length > 10 ? `\nand ${problems.length - 10} more` : '';
    throw new CinedexError(
      'INDEX_INCOMPLETE',
      `The index is incomplete, so measures of it would mislead:\n${problems.slice(0, 10).join('\n')}${more}`,
    );
  }
  return {
    ...{ generation, ids, videos: ids.size },
    failed: wanted.flatMap((name) => (failed.has(name) ? [{ name, reason: failed.get(name)! }] : [])),
  };
}

/** Videos without a point, and of a few whether their own vectors and moments find them. */
async function missingPoints(
  index: VideoIndex,
  generation: string,
  tenant: string,
  videos: readonly string[],
): Promise<string[]> {
  const points = new Map(videos.map((videoId) => [pointId({ tenant, videoId }, 'videos'), videoId]));
  const found = await index.get(generation, 'videos', [...points.keys()]);
  const there = new Set(found.map(({ id }) => id));
  const problems = [...points].flatMap(([id, video]) =>
    there.has(id) ? [] : [`${video} is not in the index`],
  );
  const step = Math.max(1, Math.floor(found.length / PROBED));
  for (const point of found.filter((_, i) => i % step === 0)) {
    const video = String(point.payload.video);
    const [name, values] = Object.entries(point.vectors)[0] ?? [];
    const filter = [
      { field: 'tenant', equals: tenant },
      { field: 'video', equals: video },
    ];
    if (name && values) {
      const [hits = []] = await index.query(generation, 'videos', [
        { kind: 'dense', vector: name, values, limit: 1, filter },
      ]);
      if (hits[0]?.id !== point.id) problems.push(`${video} is not found by its own ${name} vector`);
    }
    if ((await index.count(generation, 'moments', filter)) === 0) problems.push(`${video} has no moments`);
  }
  return problems;
}

function fileName(uri: string): string {
  const url = new URL(uri);
  return path.basename(url.protocol === 'file:' ? fileURLToPath(url) : decodeURIComponent(url.pathname));
}

/** The set with ids of videos; questions that only failed videos answer are left out. */
export function resolveSet(set: LabelledSet, { ids }: Pick<Library, 'ids'>): LabelledSet {
  return {
    ...set,
    names: 'id',
    queries: set.queries.flatMap((query) => {
      const relevant = Object.fromEntries(
        Object.entries(query.relevant).flatMap(([name, grade]) =>
          ids.has(name) ? [[ids.get(name)!, grade]] : [],
        ),
      );
      if (!Object.values(relevant).some((grade) => grade > 0)) return [];
      const moments = query.moments.flatMap((span) =>
        ids.has(span.video) ? [{ ...span, video: ids.get(span.video)! }] : [],
      );
      return [{ ...query, relevant, moments }];
    }),
  };
}
