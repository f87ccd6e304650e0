import { beforeEach, describe, expect, test } from 'vitest';
import { assignClusters, forgetVideo } from './assignment.ts';
import type { DescribedFace } from './engine/analyser.ts';
import { enrol, mergeIdentities, renameIdentity, splitIdentity } from './gallery.ts';
import { resolve } from './matching.ts';
import { MemoryIdentityStore, syntheticDescriptor } from './testing.ts';

const cluster = (id: number, person: number, shift = 0, axis = 0) => ({
  id,
  descriptor: syntheticDescriptor(person, shift, axis),
  strength: 'strong' as const,
});

const face = (person: number, changes: Partial<DescribedFace> = {}): DescribedFace => ({
  box: { x: 10, y: 10, width: 120, height: 120 },
  score: 0.9,
  pose: { yaw: 0, pitch: 0, roll: 0 },
  sharpness: 100,
  quality: 0.9,
  strength: 'strong',
  descriptor: syntheticDescriptor(person),
  ...changes,
});

/** An engine that finds, in a picture of one byte, the faces listed under that byte. */
const engineOf = (pictures: Record<number, DescribedFace[]>) => ({
  analyse: async (picture: Uint8Array) => ({ width: 400, height: 400, faces: pictures[picture[0]!] ?? [] }),
});
const picture = (byte: number) => ({ name: `${byte}.jpg`, bytes: Uint8Array.of(byte) });

describe('resolve', () => {
  const enrolled = (identityId: string, person: number) => ({
    identityId,
    descriptor: syntheticDescriptor(person),
    origin: { kind: 'enrolled' as const, picture: 'p' },
  });

  test.each([
    ['strong', 0.5, 'sure'],
    ['strong', 0.58, 'likely'],
    ['strong', 0.62, null],
    ['weak', 0.4, 'likely'],
    ['weak', 0.55, null],
  ] as const)('a %s descriptor at %f is %s', (strength, distance, expected) => {
    const match = resolve(syntheticDescriptor(1, distance), strength, [enrolled('a', 1)]);
    expect(match?.certainty ?? null).toBe(expected);
  });

  test('is only likely when two people are equally near', () => {
    const between = syntheticDescriptor(1, 0.3);
    expect(resolve(between, 'strong', [enrolled('a', 1), enrolled('b', 1)])?.certainty).toBe('likely');
  });

  test('an empty gallery matches nobody', () => {
    expect(resolve(syntheticDescriptor(1), 'strong', [])).toBeNull();
  });
});

describe('assignClusters', () => {
  let store: MemoryIdentityStore;
  beforeEach(() => {
    store = new MemoryIdentityStore();
  });
  const assign = (video: string, ...clusters: ReturnType<typeof cluster>[]) =>
    assignClusters('t', video, clusters, store);

  test('somebody unknown becomes an unnamed identity that the next video finds again', async () => {
    const first = await assign('v1', cluster(0, 1));
    const second = await assign('v2', cluster(0, 1, 0.3), cluster(1, 2));
    expect(first.get(0)).toMatchObject({ how: 'new', name: null });
    expect(second.get(0)).toMatchObject({ how: 'matched', identity: first.get(0)!.identity });
    expect(second.get(1)!.identity).not.toBe(first.get(0)!.identity);
    expect(await store.list('t')).toHaveLength(2);
  });

  test('a second run gives the same identities and stores nothing twice', async () => {
    const once = await assign('v1', cluster(0, 1), cluster(1, 2));
    const exemplars = await store.exemplars('t');
    const twice = await assign('v1', cluster(0, 1), cluster(1, 2));
    expect([...twice.values()].map(({ identity }) => identity)).toEqual(
      [...once.values()].map(({ identity }) => identity),
    );
    expect(await store.exemplars('t')).toEqual(exemplars);
  });

  test('clusters that come out a little differently and in another order keep their identities', async () => {
    const once = await assign('v1', cluster(0, 1), cluster(1, 2));
    const again = await assign('v1', cluster(0, 2, 0.1), cluster(1, 1, 0.1));
    expect(again.get(0)!.identity).toBe(once.get(1)!.identity);
    expect(again.get(1)!.identity).toBe(once.get(0)!.identity);
    expect(await store.exemplars('t')).toHaveLength(2);
  });

  test('merges, splits and names survive a re-run', async () => {
    await assign('v1', cluster(0, 1), cluster(1, 2));
    const before = await assign('v2', cluster(0, 1, 0.2));
    const one = before.get(0)!.identity;
    const other = (await assign('v1', cluster(0, 1), cluster(1, 2))).get(1)!.identity;
    await mergeIdentities('t', other, one, store);
    await renameIdentity('t', one, 'Ada', store);
    const wrong = (await store.exemplars('t')).find(
      ({ origin }) => origin.kind === 'seen' && origin.videoId === 'v2',
    )!;
    const split = await splitIdentity('t', one, [wrong.id], 'Grace', store);

    const first = await assign('v1', cluster(0, 1), cluster(1, 2));
    expect(first.get(0)).toMatchObject({ identity: one, name: 'Ada' });
    expect(first.get(1)).toMatchObject({ identity: one, name: 'Ada' });
    expect((await assign('v2', cluster(0, 1, 0.2))).get(0)).toMatchObject({
      identity: split.id,
      name: 'Grace',
    });
  });

  test('a likely match names nobody but is suggested', async () => {
    const { identity } = await enrol('t', 'Ada', [picture(1)], { store, engine: engineOf({ 1: [face(1)] }) });
    const assigned = await assign('v1', cluster(0, 1, 0.58));
    expect(assigned.get(0)).toMatchObject({ how: 'new', name: null });
    expect(assigned.get(0)!.suggestion).toMatchObject({ identity: identity!.id, name: 'Ada' });
  });

  test('a weak cluster is remembered but names nobody later', async () => {
    const weak = { ...cluster(0, 1), strength: 'weak' as const };
    const first = await assignClusters('t', 'v1', [weak], store);
    await renameIdentity('t', first.get(0)!.identity, 'Ada', store);
    expect((await assign('v2', cluster(0, 1, 0.1))).get(0)).toMatchObject({ name: null });
  });

  test('two videos at the same time do not make two identities of one person', async () => {
    const [a, b] = await Promise.all([assign('v1', cluster(0, 1)), assign('v2', cluster(0, 1, 0.1))]);
    expect(a.get(0)!.identity).toBe(b.get(0)!.identity);
  });

  test('forgetting a video removes unnamed people who were seen nowhere else', async () => {
    await assign('v1', cluster(0, 1), cluster(1, 2));
    await assign('v2', cluster(0, 1));
    await forgetVideo('t', 'v1', store);
    expect(await store.list('t')).toHaveLength(1);
  });

  test('tenants do not see each other', async () => {
    const ours = await assign('v1', cluster(0, 1));
    const theirs = await assignClusters('other', 'v1', [cluster(0, 1)], store);
    expect(theirs.get(0)!.identity).not.toBe(ours.get(0)!.identity);
  });
});

describe('enrol', () => {
  test('judges each picture by itself', async () => {
    const store = new MemoryIdentityStore();
    const small = { x: 0, y: 0, width: 25, height: 25 };
    const engine = engineOf({
      1: [face(1)],
      3: [face(1), face(2)],
      4: [face(1, { box: small })],
      5: [face(1, { strength: 'none', descriptor: null, pose: null })],
      6: [face(1), face(2, { box: small })],
    });
    const { identity, pictures } = await enrol('t', ' Ada  L ', [1, 2, 3, 4, 5, 6].map(picture), {
      store,
      engine,
    });
    expect(identity!.name).toBe('Ada L');
    expect(pictures.map(({ status }) => status)).toEqual([
      'enrolled',
      'no-face',
      'several-faces',
      'too-small',
      'turned-away',
      'enrolled',
    ]);
    expect(pictures[2]!.message).toContain('2 faces');
  });

  test('stores nothing when no picture can be used', async () => {
    const store = new MemoryIdentityStore();
    expect((await enrol('t', 'Ada', [picture(9)], { store, engine: engineOf({}) })).identity).toBeNull();
    expect(await store.list('t')).toEqual([]);
  });

  test('names whoever was seen before without a name', async () => {
    const store = new MemoryIdentityStore();
    const seen = await assignClusters('t', 'v1', [cluster(0, 1, 0.3)], store);
    const { identity, absorbed } = await enrol('t', 'Ada', [picture(1)], {
      store,
      engine: engineOf({ 1: [face(1)] }),
    });
    expect(absorbed).toEqual([seen.get(0)!.identity]);
    expect((await assignClusters('t', 'v1', [cluster(0, 1, 0.3)], store)).get(0)).toMatchObject({
      identity: identity!.id,
      name: 'Ada',
    });
  });

  test('refuses an empty name', async () => {
    const store = new MemoryIdentityStore();
    await expect(enrol('t', ' ', [picture(1)], { store, engine: engineOf({}) })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
