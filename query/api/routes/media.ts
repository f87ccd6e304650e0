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
import { type Api, type Routes, VideoPath } from '../routes.ts';

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
      // Its checksum was verified when it was indexed; whoever presses play does not wait for it again.
      const opened = await media.open({ uri }, goneSignal(request, reply));
      return sendFile(reply, opened, record, request.method, request.headers);
    },
  );
}

async function sendFile(
  reply: FastifyReply,
  opened: OpenedMedia,
  record: VideoRecord,
  method: string,
  headers: { range?: string; 'if-range'?: string | string[]; 'if-none-match'?: string },
): Promise<FastifyReply> {
  let isHandedOn = false;
  try {
    const { etag, type } = await describe(opened, record);
    reply
      .type(type)
      .header('accept-ranges', 'bytes')
      .header('etag', etag)
      .header('cache-control', 'private, no-cache')
      .header('content-security-policy', "default-src 'none'; sandbox");
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
