import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';
import { portOf, serveProbes, type Verdict } from './probes.ts';

let close: () => Promise<void> = async () => undefined;
afterEach(() => close());

async function serve(live: Verdict, ready: Verdict) {
  const metrics = createMetrics();
  metrics.job('ocr', 'done', null, 0.2);
  metrics.media('frames', 12);
  metrics.lag('cinedex-intake', 'videos.ugc', 7);
  metrics.deadLetter('ocr', 'STAGE_BUG');
  const probes = { registry: metrics.registry, live: () => live, ready: async () => ready };
  const server = await serveProbes(probes, '127.0.0.1', 0);
  close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return (path: string) => fetch(`http://127.0.0.1:${portOf(server)}${path}`);
}

const yes: Verdict = { ok: true, reasons: [] };
const no: Verdict = { ok: false, reasons: ['a reason'] };

describe('the probes', () => {
  it('say yes with 200 and no with 503 and the reasons, each for itself', async () => {
    const get = await serve(yes, no);
    expect((await get('/livez')).status).toBe(200);
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual(no);
    expect((await get('/healthz')).status).toBe(503);
    expect((await get('/other')).status).toBe(404);
  });

  it('show the metrics under the names that dashboards use', async () => {
    const get = await serve(yes, yes);
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain');
    const text = await response.text();
    expect(text).toContain('cinedex_jobs_total{stage="ocr",outcome="done",code="none"} 1');
    expect(text).toContain('cinedex_stage_duration_seconds_count{stage="ocr",outcome="done"} 1');
    expect(text).toContain('cinedex_media_seconds_total{stage="frames"} 12');
    expect(text).toContain('cinedex_bus_lag_records{group="cinedex-intake",topic="videos.ugc"} 7');
    expect(text).toContain('cinedex_dead_letters_total{stage="ocr",code="STAGE_BUG"} 1');
    expect(Number(/^cinedex_cpu_seconds_total (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(0.01);
  });
});
