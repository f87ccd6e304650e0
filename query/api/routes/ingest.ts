/**
 * `POST /v1/videos`: announces a video, for those without Kafka. Whoever may only ingest names media by https address: a file
 * or a bucket is the operator's, and a name of it would open what others put there.
 */
import { z } from 'zod';
import { CinedexError } from '../../../shared/contracts/errors.ts';
import { VideoUploaded } from '../../../shared/contracts/events.ts';
import { checkPublicUrl } from '../../../shared/media/remote.ts';
import { callerOf } from '../access.ts';
import { goneSignal } from '../asking.ts';
import { Idempotency } from '../idempotency.ts';
import { type Api, type Routes, refusals } from '../routes.ts';

const Upload = z.strictObject(VideoUploaded.omit({ tenant: true }).shape);
const Headers = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, 'expected 1 to 200 visible characters')
    .describe('Sent again with the same body, the request is the same; with another body it is refused'),
});

export function ingestRoutes(server: Api, routes: Routes): void {
  const { publisher, idempotency } = routes;
  server.post(
    '/v1/videos',
    {
      config: { scope: 'ingest' },
      schema: {
        summary: 'Announce a video; it is indexed soon',
        tags: ['videos'],
        headers: Headers,
        body: Upload,
        response: {
          202: z.object({
            videoId: z.string(),
            eventId: z.string(),
            status: z.enum(['accepted', 'repeated']),
          }),
          ...refusals,
        },
      },
    },
    async (request, reply) => {
      const { tenant, scopes } = callerOf(request);
      const { uri } = request.body.media;
      if (/^https:/i.test(uri)) await checkRemote(uri, routes.allowHttps);
      else if (!scopes.has('admin')) {
        throw new CinedexError('FORBIDDEN', 'With the scope "ingest" media is at an https address.');
      } else if (!/^s3:/i.test(uri)) {
        // Tells at once what the first stage would.
        const opened = await routes.services.media.open({ uri }, goneSignal(request, reply));
        await opened.release();
      }
      const eventId = Idempotency.id(tenant, request.headers['idempotency-key']);
      const isRepeated = await idempotency.once(eventId, request.body, () =>
        publisher.uploaded({ tenant, ...request.body }, eventId),
      );
      const { videoId } = request.body;
      return reply.code(202).send({ videoId, eventId, status: isRepeated ? 'repeated' : 'accepted' });
    },
  );
}

async function checkRemote(uri: string, allowHttps: boolean): Promise<void> {
  if (!allowHttps) {
    throw new CinedexError('URI_NOT_ALLOWED', 'https is switched off (CINEDEX_MEDIA_ALLOW_HTTPS).');
  }
  try {
    await checkPublicUrl(uri);
  } catch (error) {
    // A name that is not known at the moment may be later; the first stage tries for longer.
    if (!(error instanceof CinedexError && error.code === 'MEDIA_FETCH_FAILED')) throw error;
  }
}
