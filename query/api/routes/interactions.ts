/** `/v1/interactions`: what people did with answers, onto the topic that the ranking learns from. */
import { z } from 'zod';
import { VideoId } from '../../../shared/contracts/common.ts';
import type { EventData } from '../../../shared/contracts/events.ts';
import { pointId } from '../../../shared/index/schema.ts';
import { stringOf } from '../../payload.ts';
import { callerOf } from '../access.ts';
import { type Api, type ApiServices, type Routes, refusals } from '../routes.ts';

const MOST_EVENTS = 500;
const Interaction = z.strictObject({
  query: z.string().trim().min(1).max(500).optional(),
  video: VideoId,
  kind: z.enum(['impression', 'click', 'watch', 'not-relevant']),
  position: z.number().int().min(1).max(10_000).optional().describe('Rank at which it was shown, from 1'),
  watchSeconds: z.number().min(0).max(86_400).optional(),
  at: z.iso.datetime({ offset: true }).optional(),
});
type Interaction = z.infer<typeof Interaction>;
type Counted = EventData<'video.interactions.v1'>;

export function interactionRoutes(server: Api, { services, publisher }: Routes): void {
  server.post(
    '/v1/interactions',
    {
      config: { scope: 'search' },
      schema: {
        summary: 'Tell what people did with answers',
        tags: ['search'],
        body: z.strictObject({ events: z.array(Interaction).min(1).max(MOST_EVENTS) }),
        response: {
          202: z.object({
            accepted: z.number(),
            unknown: z.array(z.string()).describe('Videos that are not known, whose events were left out'),
          }),
          ...refusals,
        },
      },
    },
    async (request, reply) => {
      const { tenant } = callerOf(request);
      const { events } = request.body;
      const known = await knownVideos(services, tenant, new Set(events.map(({ video }) => video)));
      // An event about nothing would only become a dead letter.
      const accepted = events.filter(({ video }) => known.has(video));
      await publisher.interactions(countInteractions(tenant, accepted));
      const unknown = [...new Set(events.map(({ video }) => video).filter((video) => !known.has(video)))];
      return reply.code(202).send({ accepted: accepted.length, unknown });
    },
  );
}

async function knownVideos(
  { index }: ApiServices,
  tenant: string,
  videos: ReadonlySet<string>,
): Promise<Set<string>> {
  const generation = await index.active();
  if (generation === null) return new Set();
  const ids = [...videos].map((videoId) => pointId({ tenant, videoId }, 'videos'));
  const points = await index.get(generation, 'videos', ids);
  return new Set(points.map(({ payload }) => stringOf(payload.video)));
}

/** Events for each video and query, with what was done added up. Pure. */
export function countInteractions(tenant: string, events: readonly Interaction[]): Counted[] {
  const counted = new Map<string, { sum: Counted; positions: number[]; times: number[] }>();
  for (const { query, video, kind, position, watchSeconds = 0, at } of events) {
    // The mean rank is that of all impressions of an event, so those without one go by themselves.
    const key = JSON.stringify([video, query, kind === 'impression' && position === undefined]);
    const entry = counted.get(key) ?? {
      sum: { tenant, videoId: video, query, impressions: 0, clicks: 0, watchSeconds: 0 },
      positions: [],
      times: [],
    };
    const { sum } = entry;
    if (kind === 'impression') sum.impressions += 1;
    if (kind === 'click') sum.clicks += 1;
    if (kind === 'not-relevant') sum.notRelevant = (sum.notRelevant ?? 0) + 1;
    sum.watchSeconds += watchSeconds;
    if (kind === 'impression' && position !== undefined) entry.positions.push(position);
    if (at !== undefined) entry.times.push(Date.parse(at));
    counted.set(key, entry);
  }
  return [...counted.values()].map(({ sum, positions, times }) => ({
    ...sum,
    ...(positions.length > 0 && {
      meanPosition: positions.reduce((total, each) => total + each, 0) / positions.length,
    }),
    ...(times.length > 0 && {
      from: new Date(Math.min(...times)).toISOString(),
      to: new Date(Math.max(...times)).toISOString(),
    }),
  }));
}
