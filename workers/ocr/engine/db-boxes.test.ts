import { describe, expect, it } from 'vitest';
import { boxesFromMap } from './db-boxes.ts';
import { quadBounds } from './geometry.ts';

/** A map that is `probability` wherever `inside` says so. */
function map(width: number, height: number, inside: (x: number, y: number) => boolean, probability = 0.9) {
  return Float32Array.from({ length: width * height }, (_, i) =>
    inside(i % width, Math.floor(i / width)) ? probability : 0.01,
  );
}

describe('boxesFromMap', () => {
  it('grows a bar by area × ratio / perimeter on each side', () => {
    const bar = map(100, 60, (x, y) => x >= 20 && x < 60 && y >= 20 && y < 30);
    const [box, ...others] = boxesFromMap(bar, 100, 60, { unclip: 1.5 });
    expect(others).toEqual([]);
    const growth = (40 * 10 * 1.5) / (2 * (40 + 10));
    expect(box!.quad[0]![0]).toBeCloseTo(20 - growth);
    expect(box!.quad[0]![1]).toBeCloseTo(20 - growth);
    expect(box!.quad[2]![0]).toBeCloseTo(60 + growth);
    expect(box!.quad[2]![1]).toBeCloseTo(30 + growth);
    expect(box!.score).toBeCloseTo(0.9);
  });

  it('keeps lines apart that do not touch', () => {
    const two = map(80, 60, (x, y) => x > 10 && x < 60 && ((y > 10 && y < 18) || (y > 30 && y < 38)));
    expect(boxesFromMap(two, 80, 60)).toHaveLength(2);
  });

  it('follows a tilted line', () => {
    const tilted = map(120, 120, (x, y) => Math.abs(y - x) < 6 && x > 20 && x < 90);
    const [box] = boxesFromMap(tilted, 120, 120);
    const [a, b] = box!.quad;
    expect((Math.atan2(b[1] - a[1], b[0] - a[0]) * 180) / Math.PI).toBeCloseTo(45, 0);
  });

  it('drops what is faint, or too thin to be read', () => {
    expect(
      boxesFromMap(
        map(60, 60, (x, y) => x > 9 && x < 50 && y > 9 && y < 20, 0.45),
        60,
        60,
      ),
    ).toEqual([]);
    expect(
      boxesFromMap(
        map(60, 60, (x, y) => x > 9 && x < 50 && y === 30),
        60,
        60,
      ),
    ).toEqual([]);
    expect(boxesFromMap(new Float32Array(3600), 60, 60)).toEqual([]);
  });

  it('takes text that fills the map', () => {
    const [box] = boxesFromMap(
      map(64, 32, () => true),
      64,
      32,
    );
    expect(quadBounds(box!.quad).left).toBeLessThan(0);
  });
});
