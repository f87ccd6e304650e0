/** The pages that people look at, and what their forms do. After a form a browser is sent back to a page (303). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { booleanWord } from '../shared/config-values.ts';
import { TenantId, VideoId } from '../shared/contracts/common.ts';
import { parsed } from './api.ts';
import type { HandledDeadLetter } from './dead-letters/index.ts';
import type { OpsOperations } from './operations.ts';
import { flowPage, lettersPage, PAGE_HEADERS, videoPage } from './pages/index.ts';
import type { Frame } from './pages/layout.ts';

const Note = z.string().max(1_000).optional();
const FlowQuery = z.strictObject({ live: booleanWord.default(true) });
const LettersQuery = z.strictObject({
  stage: z.string().max(64).optional(),
  handled: booleanWord.default(false),
  note: Note,
});
const Chosen = z.strictObject({
  id: z
    .union([z.string(), z.array(z.string())])
    .default([])
    .transform((ids) => [ids].flat()),
});
const VideoPath = z.object({ id: VideoId });
const VideoQuery = z.strictObject({ tenant: TenantId.optional(), note: Note });

export interface PageRoutesOptions {
  /** Tenant of requests that name none. */
  tenant: string;
  stages: readonly string[];
  frame: Frame;
}

export function pageRoutes(
  server: FastifyInstance,
  operations: OpsOperations,
  { tenant, stages, frame }: PageRoutesOptions,
): void {
  const show = (reply: FastifyReply, page: string) => reply.headers(PAGE_HEADERS).send(page);

  server.get('/', async (request, reply) => {
    const { live } = parsed(FlowQuery, request.query);
    return show(reply, flowPage(await operations.flow(), frame, live));
  });

  server.get('/dead-letters', async (request, reply) => {
    const { note = null, ...filter } = parsed(LettersQuery, request.query);
    const [letters, waiting] = await Promise.all([operations.letters(filter), operations.letterCount()]);
    return show(reply, lettersPage({ letters, waiting, filter, stages, note }, frame));
  });
  const onLetters = (act: (ids: string[]) => Promise<HandledDeadLetter[]>) => {
    return async (request: FastifyRequest, reply: FastifyReply) => {
      const { id: ids } = parsed(Chosen, request.body);
      const note = ids.length === 0 ? 'No letter was chosen.' : summary(await act(ids));
      return reply.redirect(`/dead-letters?${new URLSearchParams({ note })}`, 303);
    };
  };
  server.post(
    '/dead-letters/replay',
    onLetters((ids) => operations.replay(ids)),
  );
  server.post(
    '/dead-letters/drop',
    onLetters((ids) => operations.drop(ids, 'dropped on the page of dead letters')),
  );

  const refOf = (request: FastifyRequest) => ({
    tenant: parsed(VideoQuery, request.query).tenant ?? tenant,
    videoId: parsed(VideoPath, request.params).id,
  });
  server.get('/videos/:id', async (request, reply) => {
    const { note = null } = parsed(VideoQuery, request.query);
    return show(reply, videoPage(await operations.video(refOf(request)), note, frame));
  });
  server.post('/videos/:id/retry', async (request, reply) => {
    const ref = refOf(request);
    const { stages: sent } = await operations.retry(ref, { partial: true });
    const note = sent.length > 0 ? `Sent once more: ${sent.join(', ')}.` : 'Nothing had failed.';
    const query = new URLSearchParams({ tenant: ref.tenant, note });
    return reply.redirect(`/videos/${encodeURIComponent(ref.videoId)}?${query}`, 303);
  });
}

/** `2 replayed; 1 refused (NOT_FOUND: …)` */
function summary(results: readonly HandledDeadLetter[]): string {
  const count = (outcome: HandledDeadLetter['outcome']) =>
    results.filter((result) => result.outcome === outcome).length;
  const refused = results.find(({ outcome }) => outcome === 'refused');
  const parts = [
    ...(['replayed', 'dropped'] as const).filter(count).map((outcome) => `${count(outcome)} ${outcome}`),
    ...(refused ? [`${count('refused')} refused (${refused.note})`] : []),
  ];
  return `${parts.join('; ') || 'Nothing matched'}.`.slice(0, 1_000);
}
