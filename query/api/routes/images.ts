/**
 * `/v1/images/:sha256`: posters and thumbnails. A picture is named by its content and by the point that shows it; only when
 * that point is the caller's tenant's and refers to the picture is it served. So nothing has to be signed or shared among
 * processes, a name alone tells nothing, and what is deleted is gone at once.
 */
import { z } from 'zod';
import type { BlobRef } from '../../../shared/contracts/common.ts';
import { VideoId } from '../../../shared/contracts/common.ts';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { pointId } from '../../../shared/index/schema.ts';
import { blobOf } from '../../payload.ts';
import { callerOf } from '../access.ts';
import type { Api, ApiServices, Routes } from '../routes.ts';

const ImagePath = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const ShownBy = z
  .strictObject({ video: VideoId.optional(), moment: z.uuid().optional(), face: z.uuid().optional() })
  .refine((of) => Object.values(of).filter((id) => id !== undefined).length === 1, {
    message: 'needs one of "video", "moment" and "face"',
  });
/** What a browser may be given as a picture; anything else in the store is none of its business. */
const PICTURES = new Set(['image/webp', 'image/jpeg', 'image/png']);
/** The content never changes under its name. */
const FOR_EVER = 'private, max-age=31536000, immutable';

export function imageRoutes(server: Api, { services }: Routes): void {
  server.get(
    '/v1/images/:sha256',
    {
      config: { scope: 'search', light: true },
      schema: {
        summary: 'A poster or thumbnail, by the address that other answers give',
        tags: ['videos'],
        params: ImagePath,
        querystring: ShownBy,
      },
    },
    async (request, reply) => {
      const { sha256 } = request.params;
      const blob = await shown(services, callerOf(request).tenant, request.query);
      if (blob?.sha256 !== sha256 || !PICTURES.has(blob.mediaType)) {
        throw new CinedexError('NOT_FOUND', 'There is no such picture.');
      }
      const etag = `"${sha256}"`;
      reply.header('etag', etag).header('cache-control', FOR_EVER);
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return reply
        .type(blob.mediaType)
        .header('content-security-policy', "default-src 'none'; sandbox")
        .send(await services.artifacts.getBlob(blob));
    },
  );
}

/** The picture of a point of the tenant's. */
async function shown(
  { index }: ApiServices,
  tenant: string,
  { video, moment, face }: z.infer<typeof ShownBy>,
): Promise<BlobRef | null> {
  const generation = await index.active();
  if (generation === null) return null;
  const [collection, id] =
    video !== undefined
      ? (['videos', pointId({ tenant, videoId: video }, 'videos')] as const)
      : moment !== undefined
        ? (['moments', moment] as const)
        : (['faces', face!] as const);
  const [point] = await index.get(generation, collection, [id]);
  if (point?.payload.tenant !== tenant) return null;
  return blobOf(collection === 'videos' ? point.payload.poster : point.payload.thumbnail);
}

/** RFC 9110, section 13.1.2: weak comparison of a list, or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  return (header ?? '')
    .split(',')
    .map((each) => each.trim().replace(/^W\//, ''))
    .some((each) => each === '*' || each === etag);
}
