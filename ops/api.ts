/** The admin API below `/api`: what the verbs do, for programs. JSON in and out; errors are problem documents. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { booleanWord } from '../shared/config-values.ts';
import { VideoId } from '../shared/contracts/common.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import { formatZodError } from '../shared/contracts/zod.ts';
import type { OpsOperations } from './operations.ts';

const Tenant = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
const OfTenant = z.strictObject({ tenant: Tenant.optional() });
const VideoPath = z.object({ id: VideoId });
const Listing = z.strictObject({
  tenant: Tenant.optional(),
  state: z.enum(['indexed', 'partial', 'failed', 'working', 'deleted']).optional(),
  cursor: z.string().max(400).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
const Retrying = z.strictObject({
  stage: z.string().max(64).optional(),
  partial: z.boolean().default(false),
});
const Letters = z.strictObject({
  tenant: Tenant.optional(),
  stage: z.string().max(64).optional(),
  code: z.string().max(64).optional(),
  videoId: VideoId.optional(),
  handled: booleanWord.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const LetterPath = z.object({ id: z.string().min(1).max(200) });
const Deleting = z.strictObject({ reason: z.string().max(1_000).optional() });

/** @throws CinedexError USAGE naming what is wrong */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value ?? {});
  if (!result.success) throw new CinedexError('USAGE', formatZodError(result.error));
  return result.data;
}

/** @param tenant of requests that name none */
export function apiRoutes(server: FastifyInstance, operations: OpsOperations, tenant: string): void {
  const refOf = (request: { params: unknown; query: unknown }) => ({
    tenant: parsed(OfTenant, request.query).tenant ?? tenant,
    videoId: parsed(VideoPath, request.params).id,
  });

  server.get('/api/status', () => operations.flow());
  server.get('/api/videos', async (request) => {
    const { tenant: asked = tenant, ...rest } = parsed(Listing, request.query);
    return operations.videos({ tenant: asked, ...rest });
  });
  server.get('/api/videos/:id', (request) => operations.video(refOf(request)));
  server.post('/api/videos/:id/retry', (request) =>
    operations.retry(refOf(request), parsed(Retrying, request.body)),
  );
  server.post('/api/videos/:id/delete', async (request, reply) => {
    await operations.remove(refOf(request), parsed(Deleting, request.body).reason);
    return reply.code(202).send({ accepted: true });
  });

  const letterOf = ({ params }: { params: unknown }) => parsed(LetterPath, params).id;
  server.get('/api/dead-letters', (request) => operations.letters(parsed(Letters, request.query)));
  server.post('/api/dead-letters/:id/replay', async (request) => {
    const [result] = await operations.replay([letterOf(request)]);
    return result;
  });
  server.post('/api/dead-letters/:id/drop', async (request) => {
    const [result] = await operations.drop([letterOf(request)], parsed(Deleting, request.body).reason);
    return result;
  });
}
