/**
 * `/v1/search/image`, `/face` and `/audio`: questions by a picture or a clip, sent as a form, as they are, or by their https
 * address. What they are is judged by their bytes when they are opened, never by what they are called.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import multipart from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { formatZodError } from '../../../shared/contracts/zod.ts';
import { download } from '../../../shared/media/remote.ts';
import { LARGEST_PICTURE_BYTES } from '../../examples/pictures.ts';
import { LARGEST_SOUND_BYTES } from '../../examples/sounds.ts';
import { callerOf, keepTenant } from '../access.ts';
import { SearchResults } from '../answers.ts';
import { goneSignal } from '../asking.ts';
import { ExampleOptions, SimilarQuery } from '../questions.ts';
import { type Api, type Routes, refusals } from '../routes.ts';

const KINDS = {
  image: { as: 'picture', most: LARGEST_PICTURE_BYTES, summary: 'Find moments that look like a picture' },
  face: { as: 'face', most: LARGEST_PICTURE_BYTES, summary: 'Find whoever is in a picture' },
  audio: { as: 'sound', most: LARGEST_SOUND_BYTES, summary: 'Find where a clip is heard, or sounds like it' },
} as const;

/** What a form adds to its file. */
const FORM_BYTES = 16 * 1024;
const FETCH_MS = 20_000;
const ByAddress = z.strictObject({
  url: z.url({ protocol: /^https$/ }).max(4_096),
  ...ExampleOptions.shape,
});

interface Example {
  bytes: Uint8Array;
  options: unknown;
}

export async function exampleRoutes(server: Api, { asking, allowHttps }: Routes): Promise<void> {
  await server.register(async (scope: Api) => {
    await scope.register(multipart, {
      limits: { files: 1, fields: 5, parts: 6, fieldNameSize: 100, fieldSize: 1_000, headerPairs: 50 },
    });
    scope.addContentTypeParser(
      /^(image|audio|video)\/|^application\/octet-stream/,
      { parseAs: 'buffer' },
      async (_: unknown, body: Buffer | string) => body,
    );
    for (const [kind, { as, most, summary }] of Object.entries(KINDS)) {
      scope.post(
        `/v1/search/${kind}`,
        {
          bodyLimit: most + FORM_BYTES,
          config: { scope: 'search' },
          schema: {
            ...{ summary, tags: ['search'], querystring: ExampleOptions },
            consumes: ['multipart/form-data', 'application/json', kind === 'audio' ? 'audio/*' : 'image/*'],
            response: { 200: SearchResults, ...refusals },
          },
        },
        async (request, reply) => {
          const { bytes, options } = await exampleOf(request, reply, most, allowHttps);
          const checked = SimilarQuery.omit({ cursor: true }).safeParse({
            ...request.query,
            ...(options as object),
          });
          if (!checked.success) throw new CinedexError('USAGE', formatZodError(checked.error));
          const asked = { ...checked.data, q: '', filter: {}, explain: false, weak: false };
          return asking.answer(request, reply, asked, { [as]: bytes });
        },
      );
    }
  });
}

/** @throws CinedexError USAGE, REQUEST_TOO_LARGE, and what fetching throws */
async function exampleOf(
  request: FastifyRequest,
  reply: FastifyReply,
  most: number,
  allowHttps: boolean,
): Promise<Example> {
  if (request.isMultipart()) return formOf(request, most);
  const { body } = request;
  if (Buffer.isBuffer(body)) {
    if (body.length > most) throw tooLarge(most);
    return { bytes: body, options: {} };
  }
  const parsed = ByAddress.safeParse(body ?? {});
  if (!parsed.success) {
    throw new CinedexError(
      'USAGE',
      `Send a form with "file", the file as it is, or {"url": "https://…"}. ${formatZodError(parsed.error)}`,
    );
  }
  const { url, ...options } = parsed.data;
  if (!allowHttps) {
    throw new CinedexError('URI_NOT_ALLOWED', 'https is switched off (CINEDEX_MEDIA_ALLOW_HTTPS).');
  }
  return { bytes: await fetched(url, most, goneSignal(request, reply)), options };
}

async function formOf(request: FastifyRequest, most: number): Promise<Example> {
  const options: Record<string, unknown> = {};
  let bytes: Buffer | undefined;
  for await (const part of request.parts({ limits: { fileSize: most } })) {
    if (part.type === 'field') options[part.fieldname] = part.value;
    else if (part.fieldname === 'file') bytes = await part.toBuffer();
    else throw new CinedexError('USAGE', `A file belongs into "file", not "${part.fieldname}".`);
  }
  keepTenant(callerOf(request), options);
  if (!bytes) throw new CinedexError('USAGE', 'The form has no "file".');
  return { bytes, options };
}

/** Public https addresses only, also after redirects. */
async function fetched(url: string, most: number, signal: AbortSignal): Promise<Buffer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cinedex-example-'));
  try {
    const file = path.join(folder, 'example');
    await download(url, file, { maxBytes: most, timeoutMs: FETCH_MS }, signal);
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tooLarge(most: number): CinedexError {
  return new CinedexError('REQUEST_TOO_LARGE', `The file has more than ${most} bytes.`);
}
