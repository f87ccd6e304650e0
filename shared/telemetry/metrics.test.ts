import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

describe('the metrics of a queue', () => {
  it('tell its depth by state, and by lane how many wait and for how long', async () => {
    const metrics = createMetrics();
    const counts = { waiting: 5, delayed: 2, active: 1, failed: 3 };
    metrics.queue('ocr', counts, {
      ogc: { waiting: 1, oldestMs: 1_500 },
      ugc: { waiting: 4, oldestMs: 60_000 },
    });
    const text = await metrics.registry.metrics();
    for (const line of [
      'cinedex_queue_jobs{stage="ocr",state="waiting"} 5',
      'cinedex_queue_jobs{stage="ocr",state="failed"} 3',
      'cinedex_queue_waiting_jobs{stage="ocr",lane="ugc"} 4',
      'cinedex_queue_oldest_age_seconds{stage="ocr",lane="ogc"} 1.5',
    ])
      expect(text).toContain(line);
  });

  it('go back to nothing for a lane that has emptied', async () => {
    const metrics = createMetrics();
    const counts = { waiting: 4, delayed: 0, active: 0, failed: 0 };
    metrics.queue('ocr', counts, { ugc: { waiting: 4, oldestMs: 60_000 } });
    metrics.queue('ocr', { ...counts, waiting: 0 }, {});
    const text = await metrics.registry.metrics();
    expect(text).toContain('cinedex_queue_waiting_jobs{stage="ocr",lane="ugc"} 0');
    expect(text).toContain('cinedex_queue_oldest_age_seconds{stage="ocr",lane="ugc"} 0');
  });
});
