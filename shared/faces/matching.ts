/** Whose face is it: descriptors against the gallery. Pure. */
import type { Exemplar } from '../ports/identity-store.ts';
import { descriptorDistance } from './descriptor.ts';

export const MATCHING = {
  /** A strong descriptor this close may be the same person; it is said to be likely, and names nobody. */
  accept: 0.6,
  /** … and this close it is taken to be. */
  sure: 0.55,
  /** A weak descriptor must be this close to count as likely; it is never sure. */
  acceptWeak: 0.5,
  /** Another identity that is nearly as close (by less than this) makes a sure match only likely. */
  margin: 0.03,
} as const;

export interface Match {
  identityId: string;
  /** Euclidean, to the nearest exemplar of the identity. */
  distance: number;
  certainty: 'sure' | 'likely';
}

export type GalleryExemplar = Pick<Exemplar, 'identityId' | 'descriptor' | 'origin'>;

function isWeak({ origin }: GalleryExemplar): boolean {
  return origin.kind === 'seen' && origin.weak === true;
}

/** Each identity's distance to the descriptor, by its nearest exemplar, nearest identity first. */
export function rankIdentities(
  descriptor: ArrayLike<number>,
  exemplars: readonly GalleryExemplar[],
): { identityId: string; distance: number; weak: boolean }[] {
  const nearest = new Map<string, { identityId: string; distance: number; weak: boolean }>();
  for (const exemplar of exemplars) {
    const { identityId } = exemplar;
    const distance = descriptorDistance(descriptor, exemplar.descriptor);
    const known = nearest.get(identityId);
    if (!known || distance < known.distance)
      nearest.set(identityId, { identityId, distance, weak: isWeak(exemplar) });
  }
  return [...nearest.values()].sort(
    (a, b) => a.distance - b.distance || (a.identityId < b.identityId ? -1 : 1),
  );
}

/**
 * The identity that the descriptor belongs to, or null. Weakness on either side (a weak descriptor, or a nearest
 * exemplar that is itself weak) needs a smaller distance and never gives a sure match.
 * @param strength of the descriptor
 */
export function resolve(
  descriptor: ArrayLike<number>,
  strength: 'strong' | 'weak',
  exemplars: readonly GalleryExemplar[],
): Match | null {
  const [best, second] = rankIdentities(descriptor, exemplars);
  if (!best) return null;
  const { identityId, distance } = best;
  const weak = strength === 'weak' || best.weak;
  if (distance > (weak ? MATCHING.acceptWeak : MATCHING.accept)) return null;
  const clear = !second || second.distance - distance >= MATCHING.margin;
  return { identityId, distance, certainty: !weak && clear && distance <= MATCHING.sure ? 'sure' : 'likely' };
}
