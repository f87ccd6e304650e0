/** Ties the face clusters of a video to identities of the gallery. */
import type { FacesRecognized } from '../../shared/contracts/artifacts.ts';
import { assignClusters, type VideoCluster } from '../../shared/faces/assignment.ts';
import type { IdentityStore } from '../../shared/ports/identity-store.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import type { ClusterIdentity } from './people.ts';

/**
 * By cluster id. Nothing changes in the gallery when the faces stage gave nothing: it may have failed, and then what was
 * seen before still holds.
 * @param descriptors rows of the stage's matrix
 */
export async function identify(
  identities: IdentityStore,
  { tenant, videoId }: VideoRecord,
  faces: FacesRecognized | null,
  descriptors: readonly Float32Array[],
): Promise<ReadonlyMap<number, ClusterIdentity>> {
  if (!faces) return new Map();
  const clusters = faces.clusters.flatMap(({ id, descriptor, strength }): VideoCluster[] => {
    const row = descriptors[descriptor];
    return row ? [{ id, descriptor: row, strength }] : [];
  });
  return assignClusters(tenant, videoId, clusters, identities);
}
