/** AsyncAPI 3 of every topic and payload, made from the contracts. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { EVENT_TYPES, type EventType, stageTopic, TOPICS } from '../shared/contracts/events.ts';

interface Topic {
  name: string;
  description: string;
  messages: EventType[];
  /** Whether Cinedex writes the topic, reads it, or both. */
  does: ('send' | 'receive')[];
}

/** Stages whose topics are documented; workers/stages.ts is not asked, so that making this page loads no model code. */
export const DOCUMENTED_STAGES = ['frames', 'ocr', 'faces', 'audio', 'embedding', 'document'] as const;

const UPLOADS: EventType[] = ['video.uploaded.v1', 'video.updated.v1', 'video.deleted.v1'];

const TOPIC_LIST: Topic[] = [
  { name: TOPICS.ogc, description: 'Professionally produced videos.', messages: UPLOADS, does: ['receive'] },
  { name: TOPICS.ugc, description: 'Videos uploaded by users.', messages: UPLOADS, does: ['receive'] },
  {
    name: TOPICS.interactions,
    description: 'What viewers did with videos.',
    messages: ['video.interactions.v1'],
    does: ['receive'],
  },
  ...DOCUMENTED_STAGES.map(
    (stage): Topic => ({
      name: stageTopic(stage),
      description: `What the stage ${stage} left for a video: the name of its artifact.`,
      messages: ['video.stage-settled.v1'],
      does: ['send'],
    }),
  ),
  {
    name: TOPICS.indexed,
    description: 'What became searchable, and in which generation of the index.',
    messages: ['video.indexed.v1'],
    does: ['send'],
  },
  {
    name: TOPICS.dlq,
    description: 'Events and steps that failed for good, with the reason.',
    messages: ['video.dead-letter.v1'],
    does: ['send'],
  },
  {
    name: TOPICS.dlqHandled,
    description: 'Dead letters that were replayed or dropped; the newest record of a letter counts.',
    messages: ['video.dead-letter-handled.v1'],
    does: ['send', 'receive'],
  },
  {
    name: TOPICS.backfills,
    description: 'Backfills with their plans; the newest record of a backfill counts.',
    messages: ['video.backfill.v1'],
    does: ['send', 'receive'],
  },
];

const DESCRIPTIONS: Record<EventType, string> = {
  'video.uploaded.v1': 'A video is there, or its media was replaced.',
  'video.updated.v1':
    'What is written about a video changed. Fields that are present replace those known; null removes one.',
  'video.deleted.v1': 'A video is gone; no search finds it any more.',
  'video.interactions.v1':
    'Counts of impressions, clicks and watch time since the last such event; they are added up.',
  'video.stage-settled.v1':
    'A stage is done with a video. Carries a reference to the artifact, never the artifact.',
  'video.indexed.v1': 'A video became searchable.',
  'video.dead-letter.v1': 'Something failed for good.',
  'video.dead-letter-handled.v1': 'A dead letter was replayed or dropped.',
  'video.backfill.v1': 'A backfill was planned, ended or cancelled.',
};

/** In operation and component names a dot would be read as a path. */
const nameOf = (text: string) => text.replace(/[^A-Za-z0-9]+(.)/g, (_, next: string) => next.toUpperCase());

/** CloudEvents 1.0, Kafka binding, binary content mode: attributes are headers. */
function headers(type: EventType) {
  return {
    type: 'object',
    required: ['ce_specversion', 'ce_id', 'ce_type', 'ce_source'],
    properties: {
      ce_specversion: { const: '1.0' },
      ce_id: { type: 'string', description: 'Unique for its source; an event that comes twice counts once.' },
      ce_type: { const: type },
      ce_source: { type: 'string' },
      ce_time: { type: 'string', format: 'date-time' },
      ce_subject: { type: 'string', description: 'The video.' },
      ce_traceparent: { type: 'string', description: 'W3C trace context.' },
      'content-type': { type: 'string' },
    },
  };
}

export function createAsyncApi() {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const types = Object.keys(EVENT_TYPES) as EventType[];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Cinedex',
      version,
      description:
        'Events of the video index. The key of every record is tenant/videoId, so that the events of one video keep their order. Changes within a version are additive.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(
      TOPIC_LIST.map(({ name, description, messages }) => [
        nameOf(name),
        {
          address: name,
          description,
          messages: Object.fromEntries(
            messages.map((type) => [nameOf(type), { $ref: `#/components/messages/${nameOf(type)}` }]),
          ),
        },
      ]),
    ),
    operations: Object.fromEntries(
      TOPIC_LIST.flatMap(({ name, messages, does }) =>
        does.map((action) => [
          `${action}${nameOf(`.${name}`)}`,
          {
            action,
            channel: { $ref: `#/channels/${nameOf(name)}` },
            messages: messages.map((type) => ({
              $ref: `#/channels/${nameOf(name)}/messages/${nameOf(type)}`,
            })),
          },
        ]),
      ),
    ),
    components: {
      messages: Object.fromEntries(
        types.map((type) => [
          nameOf(type),
          {
            name: type,
            summary: DESCRIPTIONS[type],
            contentType: 'application/json',
            headers: headers(type),
            payload: { $ref: `#/components/schemas/${nameOf(type)}` },
          },
        ]),
      ),
      schemas: Object.fromEntries(types.map((type) => [nameOf(type), payloadSchema(type)])),
    },
  };
}

/** What a sender may write: fields with a default may be missing. */
function payloadSchema(type: EventType) {
  const { $schema: _, ...schema } = z.toJSONSchema(EVENT_TYPES[type], { target: 'draft-7', io: 'input' });
  return schema;
}

/** The document as it is checked in. */
export function asyncApiText(): string {
  return `${JSON.stringify(createAsyncApi(), null, 2)}\n`;
}
