/** What the routes share: their server, what they work on, and what all of them may answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { VideoId } from '../../shared/contracts/common.ts';
import type { ObjectPart } from '../../shared/media/s3-source.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { IdentityStore } from '../../shared/ports/identity-store.ts';
import type { Ledger } from '../../shared/ports/ledger.ts';
import type { MediaAccess } from '../../shared/ports/media-access.ts';
import type { VideoIndex } from '../../shared/ports/video-index.ts';
import type { Access } from './access.ts';
import { ProblemDocument } from './answers.ts';
import type { Asking } from './asking.ts';
import type { Idempotency } from './idempotency.ts';
import type { Publisher } from './publisher.ts';
import type { Sessions } from './sessions.ts';
import type { Suggester } from './suggester.ts';

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface ApiServices {
  index: VideoIndex;
  artifacts: ArtifactStore;
  identities: Pick<IdentityStore, 'list'>;
  /** Null: how far the stages are is not told, and media is not played. */
  ledger: Pick<Ledger, 'get'> | null;
  media: MediaAccess;
  /** Opens media in a bucket; missing: what lies in one is not played. */
  openPart?(
    uri: string,
    options: { range: string | null; head: boolean; signal: AbortSignal },
  ): Promise<ObjectPart>;
  /** Connects at the first use. */
  bus(): Promise<EventBus>;
}

export interface Routes {
  services: ApiServices;
  asking: Asking;
  suggester: Suggester;
  sessions: Sessions;
  access: Access;
  publisher: Publisher;
  idempotency: Idempotency;
  /** Whether videos whose media is at an https address are played from there. */
  allowHttps: boolean;
}

export const VideoPath = z.object({ id: VideoId });
export const MomentPath = z.object({ id: z.uuid() });

const problem = {
  description: 'A problem document',
  content: { 'application/problem+json': { schema: ProblemDocument } },
};
export const refusals = { '4xx': problem, '5xx': problem };
