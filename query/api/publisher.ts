/** Puts events of the API onto their topics. The connection is opened by the first of them, so that searches need none. */
import { encodeEvent } from '../../shared/contracts/envelope.ts';
import { type EventData, TOPICS } from '../../shared/contracts/events.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';

const SOURCE = '/cinedex/api';

export class Publisher {
  readonly #connect: () => Promise<EventBus>;
  readonly #partitions: number;
  #ready: Promise<EventBus> | undefined;

  /** @param partitions of topics that are missing */
  constructor(connect: () => Promise<EventBus>, partitions: number) {
    this.#connect = connect;
    this.#partitions = partitions;
  }

  /** Durable when it resolves. @throws CinedexError STORE_UNAVAILABLE, EVENT_INVALID */
  async uploaded(data: EventData<'video.uploaded.v1'>, id: string): Promise<void> {
    const record = encodeEvent('video.uploaded.v1', data, { id, source: SOURCE, time: new Date() });
    await (await this.#bus()).publish(TOPICS[data.source], [record]);
  }

  /** As {@link uploaded}. */
  async interactions(events: readonly EventData<'video.interactions.v1'>[]): Promise<void> {
    if (events.length === 0) return;
    const records = events.map((data) => encodeEvent('video.interactions.v1', data, { source: SOURCE }));
    await (await this.#bus()).publish(TOPICS.interactions, records);
  }

  #bus(): Promise<EventBus> {
    this.#ready ??= this.#open().catch((error: unknown) => {
      // The next event tries again.
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #open(): Promise<EventBus> {
    const bus = await this.#connect();
    const names = [TOPICS.ogc, TOPICS.ugc, TOPICS.interactions];
    await bus.ensureTopics(names.map((name) => ({ name, partitions: this.#partitions, retentionMs: null })));
    return bus;
  }
}
