/**
 * A process that writes to all embedded stores of a folder and says so, a line each, when a write is acknowledged:
 * `<what> <id>`. It goes on until it is killed. Arguments: data folder, first id. `hold` instead of an id only takes the
 * folder.
 */

import { openDataFolder } from '../../shared/adapters/embedded/data-folder.ts';
import { openEmbedded } from '../../shared/adapters/embedded/index.ts';
import { COLLECTION, descriptorOf } from './embedded-fixture.ts';
import { videoRecord } from './ledger.contract.ts';

const [folder, first] = process.argv.slice(2) as [string, string];
const say = (line: string) => process.stdout.write(`${line}\n`);
if (first === 'hold') {
  openDataFolder(folder);
  say('held');
  setInterval(() => undefined, 60_000);
} else {
  const { bus, queue, ledger, artifacts, identities, index } = await openEmbedded(folder);
  await bus.ensureTopics([{ name: 'topic', partitions: 3, retentionMs: null }]);
  await index.ensureGeneration('g', [COLLECTION]);
  await index.activate('g');
  // Takes jobs and keeps the second half of them for ever: those have to come again after the crash.
  await queue.process<number>('work', {
    concurrency: 4,
    handler: async ({ data }) => {
      if (data % 2 === 1) return new Promise(() => undefined);
      say(`ran ${data}`);
      return { kind: 'done' };
    },
  });
  for (let id = Number(first); ; id++) {
    const ref = { tenant: 't', videoId: `v${id}` };
    const note = async (what: string, work: Promise<unknown>) => {
      await work;
      say(`${what} ${id}`);
    };
    await Promise.all([
      note('event', bus.publish('topic', [{ key: `k${id}`, value: `${id}`, headers: {} }])),
      note('job', queue.add('work', [{ id: `job-${id}`, data: id, lane: 'ugc' }])),
      note(
        'record',
        ledger.update(ref, () => videoRecord(ref, { revision: id })),
      ),
      note(
        'artifact',
        artifacts
          .putBlob(Buffer.from(`blob ${id}`), 'text/plain')
          .then((blob) => artifacts.putManifest(`key${id}`, { blob })),
      ),
      note(
        'person',
        identities
          .create({ tenant: 't', name: `person ${id}`, aliases: [] })
          .then(({ id: identityId }) =>
            identities.addExemplars([
              { identityId, descriptor: descriptorOf(id), origin: { kind: 'enrolled', picture: 'p' } },
            ]),
          ),
      ),
      note(
        'point',
        index.upsert('g', 'videos', [
          {
            id: `point-${id}`,
            vectors: { text: [1, id] },
            lexical: { title: [`n${id}`] },
            payload: { n: id },
          },
        ]),
      ),
    ]);
  }
}
