/**
 * The gallery: people with names, and people who were seen but not named. Works on the IdentityStore port alone.
 */
import { CinedexError, toCinedexError } from '../contracts/errors.ts';
import type { Exemplar, Identity, IdentityStore } from '../ports/identity-store.ts';
import { descriptorDistance } from './descriptor.ts';
import type { DescribedFace } from './engine/analyser.ts';
import type { FaceEngine } from './engine/engine.ts';
import { rankIdentities } from './matching.ts';
import { inTurn } from './turns.ts';

export interface EnrolPicture {
  /** How the picture is called in the results. */
  name: string;
  bytes: Uint8Array;
}

export type EnrolStatus =
  | 'enrolled'
  | 'unreadable'
  | 'no-face'
  | 'several-faces'
  | 'too-small'
  | 'turned-away'
  | 'blurred';

export interface EnrolResult {
  picture: string;
  status: EnrolStatus;
  /** For a person to read. */
  message: string;
}

export interface Enrolment {
  /** Null when no picture could be used; nothing was stored then. */
  identity: Identity | null;
  pictures: EnrolResult[];
  /** Unnamed identities that are surely this person: they were merged into it, with all the videos they were seen in. */
  absorbed: string[];
  /** Named identities that look the same and may be merged, nearest first. */
  alike: { identity: string; name: string; distance: number }[];
}

/** Faces less than this share as wide as the largest are people in the background. */
const BACKGROUND_SHARE = 0.5;
const LEAST_WIDTH_PX = 40;
const ALIKE = 0.5;

/**
 * Adds pictures of one person to the gallery, under a name that may be there already. Each picture must show one face
 * clearly; those that do not are refused one by one, with the reason.
 * @throws CinedexError USAGE for an empty name or no pictures
 */
export async function enrol(
  tenant: string,
  name: string,
  pictures: readonly EnrolPicture[],
  { store, engine }: { store: IdentityStore; engine: Pick<FaceEngine, 'analyse'> },
  signal?: AbortSignal,
): Promise<Enrolment> {
  const wanted = checkedName(name);
  if (pictures.length === 0) throw new CinedexError('USAGE', 'No pictures were given.');
  const results: EnrolResult[] = [];
  const good: { picture: string; descriptor: Float32Array }[] = [];
  for (const { name: picture, bytes } of pictures) {
    const { status, message, descriptor } = await judge(engine, bytes, signal);
    results.push({ picture, status, message });
    if (descriptor) good.push({ picture, descriptor });
  }
  if (good.length === 0) return { identity: null, pictures: results, absorbed: [], alike: [] };
  return inTurn(tenant, async () => {
    const gallery = await store.exemplars(tenant);
    const identity =
      (await store.findByName(tenant, wanted)) ?? (await store.create({ tenant, name: wanted, aliases: [] }));
    const known = gallery.filter(({ identityId }) => identityId === identity.id);
    const fresh = good.filter(
      ({ descriptor }) =>
        !known.some((exemplar) => descriptorDistance(exemplar.descriptor, descriptor) < 1e-4),
    );
    await store.addExemplars(
      fresh.map(({ picture, descriptor }) => ({
        identityId: identity.id,
        descriptor,
        origin: { kind: 'enrolled', picture },
      })),
    );
    const others = gallery.filter(({ identityId }) => identityId !== identity.id);
    const absorbed: string[] = [];
    const alike: Enrolment['alike'] = [];
    for (const [other, distance] of alikeIdentities(good, others)) {
      const found = await store.get(other);
      if (found?.name) alike.push({ identity: other, name: found.name, distance });
      else {
        await store.merge(other, identity.id);
        absorbed.push(other);
      }
    }
    return { identity, pictures: results, absorbed, alike };
  });
}

/** Identities whose strong exemplars are surely the same person, with their least distance, nearest first. */
function alikeIdentities(
  good: readonly { descriptor: Float32Array }[],
  others: readonly Exemplar[],
): [identity: string, distance: number][] {
  const nearest = new Map<string, number>();
  for (const { descriptor } of good) {
    for (const { identityId, distance, weak } of rankIdentities(descriptor, others)) {
      if (weak || distance > ALIKE) continue;
      nearest.set(identityId, Math.min(distance, nearest.get(identityId) ?? Number.POSITIVE_INFINITY));
    }
  }
  return [...nearest].sort((a, b) => a[1] - b[1]);
}

type Judgement = { status: EnrolStatus; message: string; descriptor?: Float32Array };

async function judge(
  engine: Pick<FaceEngine, 'analyse'>,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Judgement> {
  let faces: DescribedFace[];
  try {
    ({ faces } = await engine.analyse(bytes, { thoroughness: 'portrait', signal }));
  } catch (error) {
    if (toCinedexError(error).code !== 'MEDIA_CORRUPT') throw error;
    return { status: 'unreadable', message: 'This is not a picture that can be decoded.' };
  }
  return judgeFaces(faces);
}

/** Whether the faces found in a picture make it fit for the gallery. */
export function judgeFaces(faces: readonly DescribedFace[]): Judgement {
  const [face, next] = [...faces].sort((a, b) => b.box.width - a.box.width);
  if (!face) return { status: 'no-face', message: 'No face was found in it.' };
  if (next && next.box.width >= face.box.width * BACKGROUND_SHARE) {
    return {
      status: 'several-faces',
      message: `There are ${faces.length} faces in it; cut out the one that is meant.`,
    };
  }
  const width = Math.round(face.box.width);
  if (width < LEAST_WIDTH_PX) {
    return {
      status: 'too-small',
      message: `The face is ${width} pixels wide; at least ${LEAST_WIDTH_PX} are needed.`,
    };
  }
  if (!face.descriptor || !face.pose) {
    return { status: 'turned-away', message: 'The face is turned away; it must look towards the camera.' };
  }
  if (face.strength === 'weak') {
    const turned = Math.abs(face.pose.yaw) > 40 || Math.abs(face.pose.pitch) > 35;
    return turned
      ? { status: 'turned-away', message: 'The face is turned too far; it must look towards the camera.' }
      : { status: 'blurred', message: 'The face is too blurred to tell people apart.' };
  }
  return { status: 'enrolled', message: `A face of ${width} pixels.`, descriptor: face.descriptor };
}

/** All identities: named ones first, by name. */
export function listIdentities(tenant: string, store: IdentityStore): ReturnType<IdentityStore['list']> {
  return store.list(tenant);
}

/**
 * Finds an identity by its id, its name, or an alias that only one has.
 * @throws CinedexError NOT_FOUND, or USAGE when several have the alias
 */
export async function findIdentity(
  tenant: string,
  idOrName: string,
  store: IdentityStore,
): Promise<Identity> {
  const byId = await store.get(idOrName);
  if (byId && byId.tenant === tenant) return byId;
  const byName = await store.findByName(tenant, idOrName);
  if (byName) return byName;
  const byAlias = (await store.list(tenant)).filter(({ aliases }) => aliases.includes(idOrName));
  if (byAlias.length > 1) {
    throw new CinedexError('USAGE', `Several people are also called "${idOrName}"; use an id.`);
  }
  if (!byAlias[0])
    throw new CinedexError('NOT_FOUND', `Nobody in the gallery has the id or name "${idOrName}".`);
  return byAlias[0];
}

/**
 * Gives an identity another name.
 * @throws CinedexError NOT_FOUND; USAGE when the name is empty or somebody else's (merge them instead)
 */
export async function renameIdentity(
  tenant: string,
  idOrName: string,
  name: string,
  store: IdentityStore,
): Promise<Identity> {
  const wanted = checkedName(name);
  const identity = await findIdentity(tenant, idOrName, store);
  const holder = await store.findByName(tenant, wanted);
  if (holder && holder.id !== identity.id) {
    throw new CinedexError(
      'USAGE',
      `"${wanted}" is ${holder.id} already; merge the two if they are one person.`,
    );
  }
  await store.rename(identity.id, wanted);
  return { ...identity, name: wanted };
}

/**
 * Makes two identities one; `from` resolves to `into` from then on. An unnamed target takes over the name.
 * @throws CinedexError NOT_FOUND; USAGE when both are the same
 */
export async function mergeIdentities(
  tenant: string,
  from: string,
  into: string,
  store: IdentityStore,
): Promise<Identity> {
  const source = await findIdentity(tenant, from, store);
  const target = await findIdentity(tenant, into, store);
  if (source.id === target.id) throw new CinedexError('USAGE', 'Both are the same identity already.');
  await store.merge(source.id, target.id);
  if (target.name === null && source.name !== null) await store.rename(target.id, source.name);
  return findIdentity(tenant, target.id, store);
}

/**
 * Takes exemplars out of an identity, into a new one.
 * @param name of the new identity; null leaves it unnamed
 * @throws CinedexError NOT_FOUND; USAGE when none or all of the exemplars are named, or the name is taken
 */
export async function splitIdentity(
  tenant: string,
  idOrName: string,
  exemplarIds: readonly string[],
  name: string | null,
  store: IdentityStore,
): Promise<Identity> {
  const identity = await findIdentity(tenant, idOrName, store);
  const wanted = name === null ? null : checkedName(name);
  if (wanted !== null && (await store.findByName(tenant, wanted))) {
    throw new CinedexError('USAGE', `Somebody is called "${wanted}" already.`);
  }
  const own = (await store.exemplars(tenant)).filter(({ identityId }) => identityId === identity.id);
  const moving = [...new Set(exemplarIds)];
  const foreign = moving.find((id) => !own.some((exemplar) => exemplar.id === id));
  if (foreign !== undefined) {
    throw new CinedexError('NOT_FOUND', `${identity.name ?? identity.id} has no exemplar ${foreign}.`);
  }
  if (moving.length === 0 || moving.length === own.length) {
    throw new CinedexError('USAGE', 'Name some of the exemplars, but not all: one must stay.');
  }
  return store.split(identity.id, moving, wanted);
}

function checkedName(name: string): string {
  const trimmed = name.trim().replace(/\s+/g, ' ').normalize('NFC');
  if (trimmed === '') throw new CinedexError('USAGE', 'A name must not be empty.');
  return trimmed;
}
