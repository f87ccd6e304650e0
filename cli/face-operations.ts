/** The gallery of people, seen from the command; videos in which somebody changed are indexed anew. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { VideoRef } from '../shared/contracts/common.ts';
import { videoKey } from '../shared/contracts/common.ts';
import { CinedexError } from '../shared/contracts/errors.ts';
import { createFaceEngine } from '../shared/faces/engine/engine.ts';
import {
  type Enrolment,
  enrol,
  findIdentity,
  listIdentities,
  mergeIdentities,
  renameIdentity,
  splitIdentity,
} from '../shared/faces/gallery.ts';
import type { Identity } from '../shared/ports/identity-store.ts';
import type { App } from '../workers/app.ts';

export interface ListedIdentity extends Identity {
  exemplars: number;
  /** Videos it was seen in. */
  videos: string[];
  /** Where each exemplar comes from; `split` takes the ids. */
  samples: { id: string; from: string }[];
}

export interface FaceOperations {
  /** @param request.pictures absolute paths */
  enrolFace(request: { tenant: string; name: string; pictures: string[] }): Promise<Enrolment>;
  listFaces(request: { tenant: string }): Promise<ListedIdentity[]>;
  mergeFaces(request: { tenant: string; from: string; into: string }): Promise<Identity>;
  splitFace(request: {
    tenant: string;
    identity: string;
    exemplars: string[];
    name: string | null;
  }): Promise<Identity>;
  renameFace(request: { tenant: string; identity: string; name: string }): Promise<Identity>;
}

export function faceOperations(app: App): FaceOperations {
  const { identities: store, models } = app.services;

  /** Videos in which one of these was seen. */
  async function seenIn(tenant: string, ids: readonly string[]): Promise<VideoRef[]> {
    const refs = new Map<string, VideoRef>();
    for (const { identityId, origin } of await store.exemplars(tenant)) {
      if (origin.kind !== 'seen' || !ids.includes(identityId)) continue;
      const ref = { tenant, videoId: origin.videoId };
      refs.set(videoKey(ref), ref);
    }
    return [...refs.values()];
  }

  async function reindex(refs: readonly VideoRef[]): Promise<void> {
    for (const ref of refs) {
      await app.drive(ref, (video) => ({ ...video, galleryRevision: video.galleryRevision + 1 }));
    }
  }

  return {
    async enrolFace({ tenant, name, pictures }) {
      const read = await Promise.all(
        pictures.map(async (file) => ({ name: path.basename(file), bytes: await readPicture(file) })),
      );
      const engine = createFaceEngine(models);
      try {
        const enrolment = await enrol(tenant, name, read, { store, engine });
        if (enrolment.identity) await reindex(await seenIn(tenant, [enrolment.identity.id]));
        return enrolment;
      } finally {
        await engine.close();
      }
    },
    async listFaces({ tenant }) {
      const exemplars = await store.exemplars(tenant);
      return (await listIdentities(tenant, store)).map((identity) => {
        const own = exemplars.filter(({ identityId }) => identityId === identity.id);
        return {
          ...identity,
          videos: [...new Set(own.flatMap(({ origin }) => (origin.kind === 'seen' ? [origin.videoId] : [])))],
          samples: own.map(({ id, origin }) => ({
            id,
            from: origin.kind === 'seen' ? origin.videoId : origin.picture,
          })),
        };
      });
    },
    async mergeFaces({ tenant, from, into }) {
      const source = await findIdentity(tenant, from, store);
      const merged = await mergeIdentities(tenant, source.id, into, store);
      await reindex(await seenIn(tenant, [merged.id]));
      return merged;
    },
    async splitFace({ tenant, identity, exemplars, name }) {
      const whole = await findIdentity(tenant, identity, store);
      const part = await splitIdentity(tenant, whole.id, exemplars, name, store);
      await reindex(await seenIn(tenant, [whole.id, part.id]));
      return part;
    },
    async renameFace({ tenant, identity, name }) {
      const renamed = await renameIdentity(tenant, identity, name, store);
      await reindex(await seenIn(tenant, [renamed.id]));
      return renamed;
    },
  };
}

async function readPicture(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new CinedexError('NOT_FOUND', `The picture ${file} cannot be read.`, { cause });
  }
}
