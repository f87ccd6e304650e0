/** Who is seen, and when: face clusters of this video tied to identities of the gallery. */
import type { FacesRecognized } from '../../shared/contracts/artifacts.ts';
import type { BlobRef } from '../../shared/contracts/common.ts';

/** A face cluster and the identity it was given. */
export interface PersonSeen {
  cluster: number;
  /** Id of the identity. */
  identity: string;
  name: string | null;
  aliases: string[];
  strength: 'strong' | 'weak';
  screenSec: number;
  spans: { startSec: number; endSec: number }[];
  thumbnail: BlobRef;
  /** Row of the cluster's median descriptor. */
  descriptor: number;
}

export interface ClusterIdentity {
  identity: string;
  name: string | null;
  aliases: string[];
}

/** Clusters in order of their time on screen. Those without an identity are left out. */
export function peopleSeen(
  faces: FacesRecognized | null,
  identities: ReadonlyMap<number, ClusterIdentity>,
): PersonSeen[] {
  const tracks = new Map(faces?.tracks.map((track) => [track.id, track]));
  return (faces?.clusters ?? [])
    .flatMap((cluster): PersonSeen[] => {
      const given = identities.get(cluster.id);
      const members = cluster.tracks.flatMap((id) => tracks.get(id) ?? []);
      const best = [...members].sort((a, b) => b.best.quality - a.best.quality)[0];
      if (!given || !best) return [];
      const spans = members
        .map(({ startSec, endSec }) => ({ startSec, endSec }))
        .sort((a, b) => a.startSec - b.startSec);
      const { id, strength, screenSec, descriptor } = cluster;
      const { thumbnail } = best.best;
      return [{ cluster: id, ...given, strength, screenSec, spans, thumbnail, descriptor }];
    })
    .sort((a, b) => b.screenSec - a.screenSec || a.cluster - b.cluster);
}

/** Those on screen at some time of a span. */
export function seenDuring(people: readonly PersonSeen[], startSec: number, endSec: number): PersonSeen[] {
  return people.filter(({ spans }) =>
    spans.some((span) => span.startSec < endSec && Math.max(span.endSec, span.startSec + 1e-3) > startSec),
  );
}
