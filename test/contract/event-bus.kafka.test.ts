import { describe } from 'vitest';
import { openKafkaEventBus } from '../../shared/adapters/cluster/kafka-event-bus.ts';
import { loadConfig } from '../../shared/config.ts';
import { kafkaBrokers } from '../servers/index.ts';
import { eventBusContract } from './event-bus.contract.ts';

const brokers = kafkaBrokers();

describe.skipIf(!brokers)('on a real broker', () => {
  const open = () =>
    openKafkaEventBus(loadConfig({ CINEDEX_KAFKA_BROKERS: brokers ?? '' }).kafka, {
      times: { heartbeatMs: 200, fetchWaitMs: 100 },
    });

  eventBusContract('Kafka', async () => {
    let store = await open();
    return {
      store,
      reopen: async () => {
        await store.close();
        store = await open();
        return store;
      },
      dispose: () => store.close(),
    };
  });
});
