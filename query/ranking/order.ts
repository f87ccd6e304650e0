/** From grades and values to the order of an answer. Pure. */

export interface Rankable {
  id: string;
  /** Relevance, 0..1. */
  grade: number;
  /** By which videos of nearly the same grade are ordered. */
  value: number;
  /** Group of near-duplicates. */
  group: string | null;
  /** Whose videos should not fill the answer. */
  publisher: string | null;
}

export interface OrderOptions {
  /** A video never outranks one whose grade is higher by more than this. */
  margin: number;
  /** Most videos of a publisher among any {@link WINDOW} neighbours, where others are within the margin. */
  perChannel: number;
}

export const WINDOW = 10;

/**
 * Relevance first: at each place the candidates are those within `margin` of the best grade that is left, so what is taken is
 * never less relevant by more than that than what comes after. Among them the greatest value wins, those of publishers who
 * have their share of the last places only where there is nobody else.
 */
export function orderByValue<T extends Rankable>(
  items: readonly T[],
  { margin, perChannel }: OrderOptions,
): T[] {
  const left = [...items].sort((a, b) => b.value - a.value || b.grade - a.grade || (a.id < b.id ? -1 : 1));
  const ordered: T[] = [];
  while (left.length > 0) {
    const best = left.reduce((max, { grade }) => Math.max(max, grade), 0);
    const recent = ordered.slice(-(WINDOW - 1));
    const crowded = ({ publisher }: T) =>
      publisher !== null && recent.filter((each) => each.publisher === publisher).length >= perChannel;
    const near = left.filter(({ grade }) => grade >= best - margin);
    const next = near.find((item) => !crowded(item)) ?? near[0]!;
    left.splice(left.indexOf(next), 1);
    ordered.push(next);
  }
  return ordered;
}

/** The first of each group of near-duplicates, with the others of its group. */
export function foldDuplicates<T extends Rankable>(ordered: readonly T[]): { shown: T; similar: T[] }[] {
  const folded: { shown: T; similar: T[] }[] = [];
  const byGroup = new Map<string, T[]>();
  for (const item of ordered) {
    const known = item.group === null ? undefined : byGroup.get(item.group);
    if (known) known.push(item);
    else {
      const similar: T[] = [];
      folded.push({ shown: item, similar });
      if (item.group !== null) byGroup.set(item.group, similar);
    }
  }
  return folded;
}
