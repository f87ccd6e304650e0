/** The gallery: people with a name, and people who were seen but not named yet. It survives every re-run of a stage. */

export interface Identity {
  /** UUID. Stays the same through renames; a merged identity points to the one it went into. */
  id: string;
  tenant: string;
  /** Null: seen, not named. */
  name: string | null;
  aliases: string[];
  createdAt: number;
}

export interface Exemplar {
  id: string;
  identityId: string;
  /** 128-d face descriptor. */
  descriptor: Float32Array;
  /** `enrolled` by a person from a picture, or `seen` in a video cluster; a weak one names nobody. */
  origin:
    | { kind: 'enrolled'; picture: string }
    | { kind: 'seen'; videoId: string; cluster: number; weak?: boolean };
}

export interface IdentityStore {
  list(tenant: string): Promise<(Identity & { exemplars: number })[]>;
  get(id: string): Promise<Identity | undefined>;
  findByName(tenant: string, name: string): Promise<Identity | undefined>;
  create(identity: Omit<Identity, 'id' | 'createdAt'>): Promise<Identity>;
  rename(id: string, name: string): Promise<void>;
  /** Moves all exemplars of `from` to `into`; the id of `from` resolves to `into` from then on. */
  merge(from: string, into: string): Promise<void>;
  /** Moves the named exemplars to a new identity and returns it. */
  split(id: string, exemplarIds: string[], name: string | null): Promise<Identity>;
  remove(id: string): Promise<void>;
  addExemplars(exemplars: Omit<Exemplar, 'id'>[]): Promise<Exemplar[]>;
  exemplars(tenant: string): Promise<Exemplar[]>;
  /** Forgets what was seen in a video (it was deleted, or its faces were computed anew). */
  removeSeen(tenant: string, videoId: string): Promise<void>;
  close(): Promise<void>;
}
