import { describe, expect, it } from 'vitest';
import { release } from './release.ts';

describe.skipIf(!('transfer' in ArrayBuffer.prototype))('release', () => {
  it('frees memory without a collection', () => {
    const pictures = Array.from({ length: 8 }, () => new Uint8Array(4 << 20).fill(1));
    const before = process.memoryUsage().arrayBuffers;
    release(...pictures);
    release(...pictures);
    expect(pictures.map(({ length }) => length)).toEqual(pictures.map(() => 0));
    expect(before - process.memoryUsage().arrayBuffers).toBeGreaterThanOrEqual(32 << 20);
  });

  it('leaves alone what shares its memory', () => {
    const large = new Uint8Array(16).fill(7);
    const part = large.subarray(4, 8);
    const pooled = Buffer.from('pooled');
    release(part, pooled, undefined);
    expect([...large]).toEqual(Array(16).fill(7));
    expect([...part]).toEqual([7, 7, 7, 7]);
    expect(pooled.toString()).toBe('pooled');
  });
});
