/**
 * `/v1/videos/:id/media`: what the page plays. The ledger says where a video's media is, the media-access module whether it
 * may be read; nothing of the request becomes a path.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { parseRange } from '../../../shared/http/ranges.ts';
import { checkPublicUrl } from '../../../shared/media/remote.ts';
import { mediaTypeOf, SNIFF_BYTES } from '../../../shared/media/sniff.ts';
import type { VideoRecord } from '../../../shared/ports/ledger.ts';
import type { OpenedMedia } from '../../../shared/ports/media-access.ts';
import { callerOf } from '../access.ts';
import { goneSignal } from '../asking.ts';
import { type Api, type ApiServices, type Routes, VideoPath } from '../routes.ts';

const PLAYED = {
  'accept-ranges': 'bytes',
  'cache-control': 'private, no-cache',
  'content-security-policy': "default-src 'none'; sandbox",
};
const ONE_RANGE = /^bytes=(\d+-\d*|-\d+)$/;

interface Conditions {
  range?: string;
  'if-range'?: string | string[];
  'if-none-match'?: string;
}

export function mediaRoutes(server: Api, { services, allowHttps }: Routes): void {
  server.get(
    '/v1/videos/:id/media',
    {
      config: { scope: 'search', light: true },
      schema: {
        summary: 'The video itself, or the part of it that the Range header asks for',
        tags: ['videos'],
        params: VideoPath,
      },
    },
    async (request, reply) => {
      const { ledger, media } = services;
      const { id } = request.params;
      const record = await ledger?.get({ tenant: callerOf(request).tenant, videoId: id });
      if (!record || record.deleted) throw new CinedexError('NOT_FOUND', `There is no video ${id}.`);
      const { uri } = record.media;
      if (/^https:/i.test(uri)) {
        if (!allowHttps) {
          throw new CinedexError('URI_NOT_ALLOWED', 'https is switched off (CINEDEX_MEDIA_ALLOW_HTTPS).');
        }
        return reply.redirect(await checkPublicUrl(uri), 302);
      }
      if (/^s3:/i.test(uri) && services.openPart) {
        return sendPart(
          reply,
          services.openPart,
          uri,
          request.method,
          request.headers,
          goneSignal(request, reply),
        );
      }
      // Its checksum was verified when it was indexed; whoever presses play does not wait for it again.
      const opened = await media.open({ uri }, goneSignal(request, reply));
      return sendFile(reply, opened, record, request.method, request.headers);
    },
  );
}

/** What the bucket says of it is passed on. Without its ETag at hand, `If-Range` is answered with the whole. */
async function sendPart(
  reply: FastifyReply,
  openPart: NonNullable<ApiServices['openPart']>,
  uri: string,
  method: string,
  headers: Conditions,
  signal: AbortSignal,
): Promise<FastifyReply> {
  const isOneRange = headers['if-range'] === undefined && ONE_RANGE.test(headers.range ?? '');
  const range = isOneRange ? headers.range! : null;
  const part = await openPart(uri, { range, head: method === 'HEAD', signal });
  if (part.range !== null) reply.code(206).header('content-range', part.range);
  if (part.etag !== null) reply.header('etag', part.etag);
  return reply
    .type(part.type?.startsWith('video/') ? part.type : 'video/mp4')
    .headers({ ...PLAYED, 'content-length': part.bytes })
    .send(part.body ?? Readable.from([]));
}

async function sendFile(
  reply: FastifyReply,
  opened: OpenedMedia,
  record: VideoRecord,
  method: string,
  headers: Conditions,
): Promise<FastifyReply> {
  let isHandedOn = false;
  try {
    const { etag, type } = await describe(opened, record);
    reply.type(type).headers({ ...PLAYED, etag });
    if (headers['if-none-match'] === etag) return reply.code(304).send();
    // A part of another state of the file would not fit to what the player has.
    const wanted = headers['if-range'] === undefined || headers['if-range'] === etag;
    const range = wanted ? parseRange(headers.range, opened.bytes) : null;
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${opened.bytes}`);
      throw new CinedexError('RANGE_UNSATISFIABLE', `The media has ${opened.bytes} bytes.`);
    }
    const { start, end } = range ?? { start: 0, end: opened.bytes - 1 };
    if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${opened.bytes}`);
    reply.header('content-length', end - start + 1);
    // An empty stream leaves the length as it was said.
    if (method === 'HEAD') return reply.send(Readable.from([]));
    const stream = createReadStream(opened.path, { start, end });
    isHandedOn = true;
    stream.once('close', () => void opened.release());
    return reply.send(stream);
  } finally {
    if (!isHandedOn) await opened.release();
  }
}

async function describe(
  { path, bytes }: OpenedMedia,
  { contentHash }: VideoRecord,
): Promise<{ etag: string; type: string }> {
  await using handle = await open(path, 'r');
  const { mtimeMs } = await handle.stat();
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
  return {
    etag: `"${contentHash.slice(0, 32)}-${bytes.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`,
    type: mediaTypeOf(buffer.subarray(0, bytesRead)),
  };
}
