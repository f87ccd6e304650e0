import { describe, expect, it } from 'vitest';
import { boundsQuad } from '../engine/geometry.ts';
import type { Quad } from '../engine/types.ts';
import { roleOf } from './roles.ts';

const frame = { aspect: 16 / 9 };
const line = (left: number, right: number, top: number, bottom: number, more = {}) => ({
  ...{ quad: boundsQuad({ left, right, top, bottom }), startSec: 3, endSec: 5, drift: 0, ...more },
});

describe('roleOf', () => {
  it.each([
    ['a subtitle', line(0.2, 0.8, 0.88, 0.94), 'caption'],
    ['the upper of two subtitle lines', line(0.3, 0.7, 0.8, 0.86), 'caption'],
    ['a title card', line(0.25, 0.75, 0.42, 0.55), 'title'],
    ['a name at the lower left', line(0.06, 0.35, 0.76, 0.81), 'title'],
    ['a sign in the scene', line(0.1, 0.2, 0.3, 0.34), 'scene'],
    ['what moves with the camera', line(0.2, 0.8, 0.88, 0.94, { drift: 0.2 }), 'scene'],
    ['a mark that stays all the time', line(0.45, 0.55, 0.9, 0.93, { endSec: 90 }), 'scene'],
    ['a column', line(0.9, 0.95, 0.1, 0.8), 'scene'],
  ] as const)('tells %s', (_, shown, role) => {
    expect(roleOf(shown, frame)).toBe(role);
  });

  it('takes tilted text for a part of the scene', () => {
    const quad: Quad = [
      [0.2, 0.8],
      [0.8, 0.9],
      [0.8, 0.95],
      [0.2, 0.85],
    ];
    expect(roleOf({ quad, startSec: 0, endSec: 2, drift: 0 }, frame)).toBe('scene');
  });
});
