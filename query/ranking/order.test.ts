import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldDuplicates, orderByValue, type Rankable, WINDOW } from './order.ts';

const item = (id: string, grade: number, value: number, more: Partial<Rankable> = {}): Rankable => ({
  ...{ id, grade, value, group: null, publisher: null, ...more },
});
const unit = fc.double({ min: 0, max: 1, noNaN: true });
const items = fc
  .array(
    fc.record({
      grade: unit,
      value: unit,
      group: fc.constantFrom(null, 'g1', 'g2'),
      publisher: fc.constantFrom(null, 'a', 'b', 'c'),
    }),
    { maxLength: 40 },
  )
  .map((list) => list.map((each, i) => ({ id: `v${i}`, ...each })));
const OPEN = { margin: 0.1, perChannel: 1_000 };
const ids = (list: readonly Rankable[]) => list.map(({ id }) => id);

describe('the order', () => {
  it('is by value among those of like grade', () => {
    const list = [item('a', 0.9, 0.1), item('b', 0.85, 0.9), item('c', 0.5, 1)];
    expect(ids(orderByValue(list, OPEN))).toEqual(['b', 'a', 'c']);
    expect(ids(orderByValue(list, { ...OPEN, margin: 0 }))).toEqual(['a', 'b', 'c']);
    expect(ids(orderByValue(list, { ...OPEN, margin: 1 }))).toEqual(['c', 'b', 'a']);
  });

  it('never puts a video before one whose grade is higher by more than the margin', () => {
    fc.assert(
      fc.property(items, unit, fc.integer({ min: 1, max: 5 }), (list, margin, perChannel) => {
        const ordered = orderByValue(list, { margin, perChannel });
        for (const [at, { grade }] of ordered.entries()) {
          for (const after of ordered.slice(at + 1)) {
            expect(after.grade - grade).toBeLessThanOrEqual(margin + 1e-9);
          }
        }
      }),
    );
  });

  it('keeps every video once, and does not depend on the order in which they come', () => {
    fc.assert(
      fc.property(items, (list) => {
        const ordered = ids(orderByValue(list, { margin: 0.1, perChannel: 2 }));
        expect([...ordered].sort()).toEqual(ids(list).sort());
        expect(ids(orderByValue([...list].reverse(), { margin: 0.1, perChannel: 2 }))).toEqual(ordered);
      }),
    );
  });

  it('lets no publisher fill a page where others are as relevant', () => {
    const crowd = Array.from({ length: 8 }, (_, i) => item(`a${i}`, 0.9, 0.9 - i / 100, { publisher: 'a' }));
    const others = Array.from({ length: 8 }, (_, i) => item(`b${i}`, 0.9, 0.1, { publisher: `b${i}` }));
    const ordered = orderByValue([...crowd, ...others], { margin: 0.1, perChannel: 3 });
    const first = ordered.slice(0, WINDOW).filter(({ publisher }) => publisher === 'a');
    expect(ids(first)).toEqual(['a0', 'a1', 'a2']);
  });

  it('does not push a relevant video down for the sake of spread', () => {
    const crowd = Array.from({ length: 5 }, (_, i) => item(`a${i}`, 0.9, 0.5, { publisher: 'a' }));
    const ordered = orderByValue([...crowd, item('b', 0.4, 1, { publisher: 'b' })], {
      ...{ margin: 0.1, perChannel: 1 },
    });
    expect(ordered.at(-1)!.id).toBe('b');
  });

  it('spreads: in any window a publisher has at most its share while others are left', () => {
    fc.assert(
      fc.property(items, (list) => {
        const perChannel = 2;
        const ordered = orderByValue(list, { margin: 1, perChannel });
        for (const [at, { publisher }] of ordered.entries()) {
          const recent = ordered.slice(Math.max(0, at - WINDOW + 1), at);
          const own = recent.filter((each) => publisher !== null && each.publisher === publisher).length;
          if (own < perChannel) continue;
          const share = (name: string | null) => recent.filter((each) => each.publisher === name).length;
          // All that is left is as crowded.
          expect(
            ordered.slice(at).every((each) => each.publisher !== null && share(each.publisher) >= perChannel),
          ).toBe(true);
        }
      }),
    );
  });
});

describe('near-duplicates', () => {
  it('are folded under the first of their group', () => {
    const list = [
      item('a', 1, 1, { group: 'g' }),
      item('b', 1, 1),
      item('c', 1, 1, { group: 'g' }),
      item('d', 1, 1),
    ];
    expect(foldDuplicates(list).map(({ shown, similar }) => [shown.id, ids(similar)])).toEqual([
      ['a', ['c']],
      ['b', []],
      ['d', []],
    ]);
  });

  it('lose no video, and keep the order', () => {
    fc.assert(
      fc.property(items, (list) => {
        const folded = foldDuplicates(list);
        expect(ids(folded.flatMap(({ shown, similar }) => [shown, ...similar])).sort()).toEqual(
          ids(list).sort(),
        );
        const shown = folded.map((each) => list.indexOf(each.shown));
        expect(shown).toEqual([...shown].sort((a, b) => a - b));
        const groups = folded.flatMap((each) => each.shown.group ?? []);
        expect(new Set(groups).size).toBe(groups.length);
      }),
    );
  });
});
