/** From what a search found to what the API answers: references to blobs become addresses. Pure. */
import type { BlobRef } from '../../shared/contracts/common.ts';
import type { SearchAnswer, VideoFound } from '../search.ts';
import type { SearchResults, VideoHit } from './answers.ts';

/**
 * Address of a picture. It names the point that shows it, by which the server checks that it is the caller's to see.
 * @param of video: id of a video, whose poster it is; moment or face: id of a point, whose thumbnail it is
 */
export function imageUrl(
  blob: BlobRef | null,
  of: { video: string } | { moment: string } | { face: string },
): string | null {
  return blob && `/v1/images/${blob.sha256}?${new URLSearchParams({ ...of })}`;
}

export function mediaUrl(video: string): string {
  return `/v1/videos/${encodeURIComponent(video)}/media`;
}

function pageUrl(video: string): string {
  return `/videos/${encodeURIComponent(video)}`;
}

function hitOf({ nearDuplicateGroup: _, poster, moments, ...found }: VideoFound): VideoHit {
  return {
    ...found,
    poster: imageUrl(poster, { video: found.video }),
    media: mediaUrl(found.video),
    page: pageUrl(found.video),
    moments: moments.map(({ thumbnail, ...moment }) => ({
      ...moment,
      thumbnail: imageUrl(thumbnail, { moment: moment.id }),
    })),
  };
}

export function resultsOf(answer: SearchAnswer, next: string | null): SearchResults {
  const { generation: _, results, weak, late, ...rest } = answer;
  const partial = late.length > 0 ? ({ reason: 'deadline', missing: late } as const) : null;
  return { ...rest, results: results.map(hitOf), weak: weak.map(hitOf), next, partial };
}
