import { expect, it } from 'vitest';
import { cropLine, Pyramid } from './crop.ts';
import type { Quad } from './types.ts';

/** Numbers from 0 to 1 that look random and are the same in every run. */
function* numbers(): Generator<number, never> {
  for (let state = 7; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    yield state / 2 ** 31;
  }
}

it('cuts the same line out of a part that is halved for it as out of a picture that was halved before', () => {
  const random = numbers();
  const next = () => random.next().value;
  const [width, height] = [641, 363];
  const picture = {
    data: Uint8Array.from({ length: width * height * 3 }, () => next() * 256),
    width,
    height,
  };
  const halved = new Pyramid(picture);
  halved.level(4);
  for (let line = 0; line < 60; line++) {
    // At any angle, and over the edges of the picture, too.
    const [x, y, turn] = [next() * width, next() * height, (next() - 0.5) * 3];
    const [across, down] = [30 + next() * width, 60 + next() * 200];
    const corner = (u: number, v: number): [number, number] => [
      x + u * across * Math.cos(turn) - v * down * Math.sin(turn),
      y + u * across * Math.sin(turn) + v * down * Math.cos(turn),
    ];
    const quad: Quad = [corner(-0.5, -0.5), corner(0.5, -0.5), corner(0.5, 0.5), corner(-0.5, 0.5)];
    expect(cropLine(new Pyramid(picture), quad, 32)).toEqual(cropLine(halved, quad, 32));
  }
});
