/** CloudEvents 1.0 in Kafka's binary content mode: attributes are `ce_` headers, the record's value is the payload. */
import { CloudEvent, Kafka } from 'cloudevents';
import { type VideoRef, videoKey } from './common.ts';
import { CinedexError } from './errors.ts';
import { EVENT_TYPES, type EventData, type EventType } from './events.ts';
import { formatZodError } from './zod.ts';

export interface EventRecord {
  key: string;
  value: string;
  headers: Record<string, string>;
}

export interface ReceivedEvent<T extends EventType = EventType> {
  id: string;
  type: T;
  /** RFC 3339. */
  time: string;
  /** W3C trace context of the sender. */
  traceparent?: string;
  data: EventData<T>;
}

/** Wraps a payload for a topic. The key keeps one video's events in one partition, so in order. */
export function encodeEvent<T extends EventType>(
  type: T,
  data: EventData<T>,
  options: { source?: string; id?: string; time?: Date; traceparent?: string; key?: string } = {},
): EventRecord {
  const checked = parsePayload(type, data);
  const ref = checked as Partial<VideoRef>;
  const key = options.key ?? (ref.tenant && ref.videoId ? videoKey(ref as VideoRef) : '');
  const event = new CloudEvent({
    type,
    source: options.source ?? '/cinedex',
    data: checked,
    datacontenttype: 'application/json',
    ...(options.id && { id: options.id }),
    ...(options.time && { time: options.time.toISOString() }),
    ...(ref.videoId && { subject: ref.videoId }),
    ...(options.traceparent && { traceparent: options.traceparent }),
  });
  const message = Kafka.binary(event);
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, String(value)]),
  );
  return { key, value: JSON.stringify(checked), headers };
}

/** Reads a record of a topic. @throws CinedexError EVENT_INVALID or EVENT_UNKNOWN_TYPE */
export function decodeEvent(record: { value: string; headers: Record<string, string> }): ReceivedEvent {
  const { headers } = record;
  const type = headers.ce_type;
  const id = headers.ce_id;
  if (!type || !id) throw new CinedexError('EVENT_INVALID', 'Not a CloudEvent: ce_type or ce_id is missing.');
  if (headers.ce_specversion !== '1.0') {
    throw new CinedexError(
      'EVENT_INVALID',
      `CloudEvents version ${headers.ce_specversion ?? '(none)'}; expected 1.0.`,
    );
  }
  if (!Object.hasOwn(EVENT_TYPES, type))
    throw new CinedexError('EVENT_UNKNOWN_TYPE', `Unknown event type "${type}".`);
  let json: unknown;
  try {
    json = JSON.parse(record.value);
  } catch (cause) {
    throw new CinedexError('EVENT_INVALID', `The payload of ${type} ${id} is not JSON.`, { cause });
  }
  const known = type as EventType;
  return {
    id,
    type: known,
    time: headers.ce_time ?? new Date(0).toISOString(),
    ...(headers.ce_traceparent && { traceparent: headers.ce_traceparent }),
    data: parsePayload(known, json),
  };
}

function parsePayload<T extends EventType>(type: T, data: unknown): EventData<T> {
  const result = EVENT_TYPES[type].safeParse(data);
  if (!result.success) throw new CinedexError('EVENT_INVALID', `${type}: ${formatZodError(result.error)}`);
  return result.data as EventData<T>;
}
