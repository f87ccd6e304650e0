/**
 * Ties face clusters of videos to identities. What a person has decided (names, merges, splits) survives every re-run,
 * because a cluster that was seen before keeps the identity that its exemplar belongs to now.
 */
import { CinedexError } from '../contracts/errors.ts';
import type { Exemplar, Identity, IdentityStore } from '../ports/identity-store.ts';
import { descriptorDistance } from './descriptor.ts';
import { type Match, resolve } from './matching.ts';
import { inTurn } from './turns.ts';

export interface VideoCluster {
  id: number;
  descriptor: Float32Array;
  strength: 'strong' | 'weak';
}

export interface AssignedIdentity {
  identity: string;
  /** Null: known, not named. */
  name: string | null;
  aliases: string[];
  /** `kept`: as in an earlier run. `matched`: found in the gallery. `new`: an unnamed identity was made. */
  how: 'kept' | 'matched' | 'new';
  /** Someone whom it may be, but not surely enough to say so. */
  suggestion: { identity: string; name: string | null; distance: number } | null;
}

/** The same face computed again, from the same or nearly the same pictures of the same video. */
const SAME_CLUSTER = 0.3;

/**
 * Ties the clusters of a video to identities, and remembers them as seen. Doing it again with the same clusters changes
 * nothing; with new ones (another model, another budget) each that is still about the same face keeps its identity.
 * @returns by cluster id, one entry a cluster
 */
export function assignClusters(
  tenant: string,
  videoId: string,
  clusters: readonly VideoCluster[],
  store: IdentityStore,
): Promise<Map<number, AssignedIdentity>> {
  return inTurn(tenant, async () => {
    const all = await store.exemplars(tenant);
    const own = all.filter(({ origin }) => origin.kind === 'seen' && origin.videoId === videoId);
    const others = all.filter((exemplar) => !own.includes(exemplar));
    const kept = keepIdentities(clusters, own);
    const assigned = new Map<number, AssignedIdentity>();
    const seen: Omit<Exemplar, 'id'>[] = [];
    for (const { id, descriptor, strength } of clusters) {
      const before = kept.get(id);
      const match = resolve(descriptor, strength, others);
      const assignment = await assign(tenant, before, match, store);
      assigned.set(id, assignment);
      seen.push({
        identityId: assignment.identity,
        descriptor,
        origin: { kind: 'seen', videoId, cluster: id, ...(strength === 'weak' && { weak: true }) },
      });
    }
    if (!sameExemplars(own, seen)) {
      await store.removeSeen(tenant, videoId);
      await store.addExemplars(seen);
      await removeDeserted(
        own.map(({ identityId }) => identityId),
        tenant,
        store,
      );
    }
    return assigned;
  });
}

/** Forgets what was seen in a video, and the unnamed people who were seen nowhere else. */
export function forgetVideo(tenant: string, videoId: string, store: IdentityStore): Promise<void> {
  return inTurn(tenant, async () => {
    const own = (await store.exemplars(tenant)).filter(
      ({ origin }) => origin.kind === 'seen' && origin.videoId === videoId,
    );
    await store.removeSeen(tenant, videoId);
    await removeDeserted(
      own.map(({ identityId }) => identityId),
      tenant,
      store,
    );
  });
}

async function assign(
  tenant: string,
  before: string | undefined,
  match: Match | null,
  store: IdentityStore,
): Promise<AssignedIdentity> {
  const described = async (id: string) => {
    const identity = await store.get(id);
    if (!identity) throw new CinedexError('NOT_FOUND', `There is no identity ${id}.`);
    return identity;
  };
  const found = match ? await described(match.identityId) : null;
  const current = before === undefined ? null : await described(before);
  const sure = found && match?.certainty === 'sure' ? found : null;
  // Whatever the gallery says by now: a person may have merged, split or renamed what this cluster was.
  if (current) return entry(current, 'kept', found, match);
  if (sure) return entry(sure, 'matched', null, null);
  // A likely match with an unnamed identity is as good as any guess; with a named one it would be a claim.
  if (found && found.name === null) return entry(found, 'matched', null, null);
  return entry(await store.create({ tenant, name: null, aliases: [] }), 'new', found, match);
}

function entry(
  { id, name, aliases }: Identity,
  how: AssignedIdentity['how'],
  maybe: Identity | null,
  match: Match | null,
): AssignedIdentity {
  const suggestion =
    maybe && match && maybe.id !== id
      ? { identity: maybe.id, name: maybe.name, distance: match.distance }
      : null;
  return { identity: id, name, aliases, how, suggestion };
}

/** Clusters that were there in an earlier run, with the identity that their exemplar has now; nearest pairs first. */
function keepIdentities(clusters: readonly VideoCluster[], own: readonly Exemplar[]): Map<number, string> {
  const pairs = clusters
    .flatMap(({ id, descriptor }) =>
      own.map((exemplar) => ({
        id,
        exemplar,
        distance: descriptorDistance(descriptor, exemplar.descriptor),
      })),
    )
    .filter(({ distance }) => distance <= SAME_CLUSTER)
    .sort((a, b) => a.distance - b.distance || a.id - b.id);
  const kept = new Map<number, string>();
  const used = new Set<string>();
  for (const { id, exemplar } of pairs) {
    if (kept.has(id) || used.has(exemplar.id)) continue;
    kept.set(id, exemplar.identityId);
    used.add(exemplar.id);
  }
  return kept;
}

function sameExemplars(own: readonly Exemplar[], seen: readonly Omit<Exemplar, 'id'>[]): boolean {
  return (
    own.length === seen.length &&
    seen.every(({ identityId, descriptor, origin }) =>
      own.some(
        (exemplar) =>
          exemplar.identityId === identityId &&
          JSON.stringify(exemplar.origin) === JSON.stringify(origin) &&
          descriptorDistance(exemplar.descriptor, descriptor) === 0,
      ),
    )
  );
}

async function removeDeserted(
  identityIds: readonly string[],
  tenant: string,
  store: IdentityStore,
): Promise<void> {
  const suspects = new Set(identityIds);
  for (const { id, name, exemplars } of await store.list(tenant)) {
    if (suspects.has(id) && name === null && exemplars === 0) await store.remove(id);
  }
}
