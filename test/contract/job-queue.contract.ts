/** What every JobQueue must do, whatever database is behind it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lane } from '../../shared/contracts/common.ts';
import type { Job, JobQueue, JobResult } from '../../shared/ports/job-queue.ts';
import { eventually, type Opened } from './waiting.ts';

let made = 0;
const done: JobResult = { kind: 'done' };
const job = <T>(id: string, data: T, lane: Lane = 'ugc'): Job<T> => ({ id, data, lane });

/** `open` is called once a test file where opening is dear; each test uses a queue of its own name. */
export function jobQueueContract(name: string, open: () => Promise<Opened<JobQueue>>): void {
  describe(`JobQueue: ${name}`, () => {
    let opened: Opened<JobQueue>;
    let jobs: JobQueue;
    let queue: string;
    beforeEach(async () => {
      opened = await open();
      jobs = opened.store;
      queue = `contract-${process.pid}-${made++}`;
    });
    afterEach(() => opened.dispose());

    /** Answers each job with the next of `results`, then with `done`, and keeps the order of the deliveries. */
    const work = async (results: JobResult[] = [], concurrency = 1) => {
      const delivered: string[] = [];
      const worker = await jobs.process(queue, {
        concurrency,
        handler: async ({ id }) => {
          delivered.push(id);
          return results.shift() ?? done;
        },
      });
      return { delivered, worker };
    };
    const settled = () =>
      eventually('the queue is empty', async () => {
        const { waiting, delayed, active } = await jobs.counts(queue);
        return waiting + delayed + active === 0;
      });

    it('delivers a job whole, once, and forgets it when it is done', async () => {
      const data = { text: '上传 "x"', list: [1, null, { deep: true }], large: 'x'.repeat(200_000) };
      const seen: Job[] = [];
      await jobs.process(queue, {
        concurrency: 2,
        handler: async (one) => {
          seen.push(one);
          return done;
        },
      });
      await jobs.add(queue, [job('default.video.ocr.3', data, 'ogc')]);
      await eventually('it is delivered', () => seen.length > 0);
      await settled();
      expect(seen).toEqual([{ id: 'default.video.ocr.3', data, lane: 'ogc' }]);
      expect(await jobs.counts(queue)).toEqual({ waiting: 0, delayed: 0, active: 0, failed: 0 });
    });

    it('takes ids as they come: digits alone, other scripts, punctuation', async () => {
      const ids = ['17', '视频-1', "it's; drop table job", 'a/b_c.d'];
      await jobs.add(
        queue,
        ids.map((id) => job(id, null)),
      );
      const { delivered } = await work();
      await eventually('all are delivered', () => delivered.length === ids.length);
      expect([...delivered].sort()).toEqual([...ids].sort());
    });

    it('changes nothing when a waiting or running job is added again', async () => {
      await jobs.add(queue, [job('a', 'first')]);
      await jobs.add(queue, [job('a', 'second'), job('a', 'third')]);
      expect((await jobs.counts(queue)).waiting).toBe(1);
      const seen: unknown[] = [];
      let finish: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        finish = resolve;
      });
      await jobs.process(queue, {
        concurrency: 1,
        handler: async ({ data }) => {
          seen.push(data);
          await gate;
          return done;
        },
      });
      await eventually('it runs', () => seen.length === 1);
      await jobs.add(queue, [job('a', 'fourth')]);
      finish();
      await settled();
      expect(seen).toEqual(['first']);
    });

    it('runs a job again that is added after it was done', async () => {
      const { delivered } = await work();
      for (let round = 1; round <= 3; round++) {
        await jobs.add(queue, [job('a', round)]);
        await eventually(`round ${round}`, () => delivered.length === round);
        await settled();
      }
    });

    it('serves OGC before UGC before backfill, in order within a lane', async () => {
      await jobs.add(queue, [job('b1', 0, 'backfill'), job('u1', 0, 'ugc'), job('o1', 0, 'ogc')]);
      await jobs.add(queue, [job('u2', 0, 'ugc'), job('o2', 0, 'ogc'), job('b2', 0, 'backfill')]);
      const { delivered } = await work();
      await eventually('all are delivered', () => delivered.length === 6);
      expect(delivered).toEqual(['o1', 'o2', 'u1', 'u2', 'b1', 'b2']);
    });

    it('holds a delayed job back', async () => {
      const added = Date.now();
      await jobs.add(queue, [job('late', 0)], { delayMs: 300 });
      await jobs.add(queue, [job('soon', 0)]);
      expect((await jobs.counts(queue)).delayed).toBe(1);
      const { delivered } = await work();
      await eventually('both are delivered', () => delivered.length === 2);
      expect(delivered).toEqual(['soon', 'late']);
      expect(Date.now() - added).toBeGreaterThanOrEqual(295);
    });

    it('delivers again as often as asked, after the delay', async () => {
      const again: JobResult = { kind: 'again', delayMs: 20 };
      const { delivered } = await work(Array.from({ length: 12 }, () => again));
      await jobs.add(queue, [job('a', 0)]);
      await eventually('the thirteenth delivery', () => delivered.length === 13);
      await settled();
      expect((await jobs.counts(queue)).failed).toBe(0);
    });

    it('keeps a failed job for people, and takes its id again', async () => {
      const { delivered } = await work([{ kind: 'failed', reason: 'MEDIA_CORRUPT: no picture' }]);
      await jobs.add(queue, [job('a', 0)]);
      await eventually('it is among the failed', async () => (await jobs.counts(queue)).failed === 1);
      await jobs.add(queue, [job('a', 1), job('b', 1)]);
      await eventually('it is delivered again', () => delivered.length === 3);
      await settled();
      expect((await jobs.counts(queue)).failed).toBe(0);
    });

    it('delivers again when the handler rejects, and tells of the error', async () => {
      const errors: unknown[] = [];
      let calls = 0;
      await jobs.process(queue, {
        concurrency: 1,
        handler: async () => {
          calls += 1;
          if (calls <= 2) throw new Error(`crash ${calls}`);
          return done;
        },
        onError: (error) => void errors.push(error),
      });
      await jobs.add(queue, [job('a', 0)]);
      await eventually('the third call', () => calls === 3);
      await settled();
      expect(errors.map(String)).toEqual(['Error: crash 1', 'Error: crash 2']);
    });

    it('runs as many side by side as allowed, and no more', async () => {
      let running = 0;
      let most = 0;
      const gates: (() => void)[] = [];
      await jobs.process(queue, {
        concurrency: 3,
        handler: async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => gates.push(resolve));
          running -= 1;
          return done;
        },
      });
      await jobs.add(
        queue,
        Array.from({ length: 7 }, (_, i) => job(`j${i}`, i)),
      );
      for (let i = 0; i < 7; i++) {
        await eventually('a job waits at its gate', () => gates.length > 0);
        if (i === 0) await eventually('three run', () => running === 3);
        gates.shift()!();
      }
      await settled();
      expect(most).toBe(3);
    });

    it('fetches nothing while paused, and goes on when resumed', async () => {
      const { delivered, worker } = await work();
      await worker.pause();
      await jobs.add(queue, [job('a', 0)]);
      const other = `${queue}-other`;
      const marks: string[] = [];
      await jobs.process(other, {
        concurrency: 1,
        handler: async ({ id }) => {
          marks.push(id);
          return done;
        },
      });
      for (const id of ['m1', 'm2', 'm3']) {
        await jobs.add(other, [job(id, 0)]);
        await eventually('a job of another queue passes', () => marks.includes(id));
      }
      expect(delivered).toEqual([]);
      await worker.resume();
      await eventually('the held job is delivered', () => delivered.length === 1);
    });

    it('lets running jobs finish at a stop', async () => {
      let finish: () => void = () => undefined;
      let aborted = false;
      const started = new Promise<void>((begun) => {
        void jobs
          .process(queue, {
            concurrency: 1,
            handler: (_, signal) =>
              new Promise<JobResult>((resolve) => {
                signal.addEventListener('abort', () => {
                  aborted = true;
                });
                finish = () => resolve(done);
                begun();
              }),
          })
          .then((worker) => {
            stop = () => worker.stop(30_000);
          });
      });
      let stop: (() => Promise<void>) | undefined;
      await jobs.add(queue, [job('a', 0), job('b', 0)]);
      await started;
      const stopping = (await eventually('the worker is there', () => stop))();
      finish();
      await stopping;
      expect(aborted).toBe(false);
      expect(await jobs.counts(queue)).toMatchObject({ waiting: 1, active: 0 });
    });

    it('aborts what outlives the grace, and delivers it again later', async () => {
      let begun = false;
      const worker = await jobs.process(queue, {
        concurrency: 1,
        handler: (_, signal) =>
          new Promise<JobResult>((_resolve, reject) => {
            begun = true;
            signal.addEventListener('abort', () => reject(new Error('aborted')));
          }),
      });
      await jobs.add(queue, [job('a', 0)]);
      await eventually('it runs', () => begun);
      await worker.stop(10);
      const { delivered } = await work();
      await eventually('it is delivered again', () => delivered.length === 1);
      await settled();
    });

    it('takes a job back from a handler that heeds no signal, and delivers it again', async () => {
      let begun = false;
      const worker = await jobs.process(queue, {
        concurrency: 1,
        handler: () =>
          new Promise<JobResult>(() => {
            begun = true;
          }),
      });
      await jobs.add(queue, [job('deaf', 0)]);
      await eventually('it runs', () => begun);
      await worker.stop(10);
      const { delivered } = await work();
      await eventually('it is delivered again', () => delivered.length === 1);
    });

    it('says by lane how many wait, and how long the oldest has', async () => {
      expect(await jobs.lanes(queue)).toEqual({});
      await jobs.add(queue, [job('u', 0, 'ugc')]);
      const waited = async () => (await jobs.lanes(queue)).ugc?.oldestMs ?? 0;
      await eventually('it has waited 30 ms', async () => (await waited()) >= 30);
      await jobs.add(queue, [job('o', 0, 'ogc'), job('u2', 0, 'ugc')]);
      const lanes = await jobs.lanes(queue);
      expect(Object.keys(lanes).sort()).toEqual(['ogc', 'ugc']);
      expect([lanes.ogc!.waiting, lanes.ugc!.waiting]).toEqual([1, 2]);
      expect(lanes.ugc!.oldestMs).toBeGreaterThan(lanes.ogc!.oldestMs);
      await jobs.remove(queue, 'u');
      const { worker, delivered } = await work();
      await eventually('all are delivered', () => delivered.length === 2);
      await settled();
      await worker.stop(0);
      expect(await jobs.lanes(queue)).toEqual({});
    });

    it('forgets a job that waits, is delayed or failed; not one that runs', async () => {
      await jobs.add(queue, [job('waits', 0)]);
      await jobs.add(queue, [job('delayed', 0)], { delayMs: 60_000 });
      expect(await jobs.remove(queue, 'waits')).toBe(true);
      expect(await jobs.remove(queue, 'waits')).toBe(false);
      expect(await jobs.remove(queue, 'delayed')).toBe(true);
      expect(await jobs.counts(queue)).toEqual({ waiting: 0, delayed: 0, active: 0, failed: 0 });
      let finish: () => void = () => undefined;
      let begun = false;
      await jobs.process(queue, {
        concurrency: 1,
        handler: () =>
          new Promise<JobResult>((resolve) => {
            begun = true;
            finish = () => resolve({ kind: 'failed', reason: 'no' });
          }),
      });
      await jobs.add(queue, [job('runs', 0)]);
      await eventually('it runs', () => begun);
      expect(await jobs.remove(queue, 'runs')).toBe(false);
      finish();
      await eventually('it has failed', async () => (await jobs.counts(queue)).failed === 1);
      expect(await jobs.remove(queue, 'runs')).toBe(true);
    });

    it('has everything after it was opened again', async (context) => {
      if (!opened.reopen) return context.skip();
      await jobs.add(queue, [job('a', { n: 1 }), job('b', { n: 2 })]);
      await jobs.add(queue, [job('c', { n: 3 })], { delayMs: 50 });
      jobs = await opened.reopen();
      const { delivered } = await work();
      await eventually('all are delivered', () => delivered.length === 3);
      expect(delivered.sort()).toEqual(['a', 'b', 'c']);
    });
  });
}
