/** Ties the face clusters of a video to identities of the gallery. */
import { v5 as uuidv5 } from 'uuid';
import type { FacesRecognized } from '../../shared/contracts/artifacts.ts';
import type { VideoRecord } from '../../shared/ports/ledger.ts';
import type { Services } from '../runtime/stage.ts';
import type { ClusterIdentity } from './people.ts';

const NAMESPACE = 'f5c3cbe2-6d2c-5ad0-8a5e-94e0a4b4a3f1';

/** By cluster id. */
export async function identify(
  _services: Services,
  video: VideoRecord,
  faces: FacesRecognized | null,
  _signal: AbortSignal,
): Promise<Map<number, ClusterIdentity>> {
  return new Map(
    (faces?.clusters ?? []).map(({ id }) => {
      const identity = uuidv5([video.tenant, video.videoId, id].join('\n'), NAMESPACE);
      return [id, { identity, name: null, aliases: [] }];
    }),
  );
}
