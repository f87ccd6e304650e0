/** deploy/asyncapi.json is what the contracts say, and is sound AsyncAPI 3 in itself. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { asyncApiText, type createAsyncApi, DOCUMENTED_STAGES } from '../../deploy/asyncapi.ts';
import { EVENT_TYPES, stageTopic, TOPICS } from '../../shared/contracts/events.ts';

const file = path.resolve(import.meta.dirname, '../../deploy/asyncapi.json');
const text = readFileSync(file, 'utf8');
const written = JSON.parse(text) as ReturnType<typeof createAsyncApi>;

/** Every `$ref` below a value, with its place. */
function references(value: unknown, place = '#'): { place: string; to: string }[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === '$ref' && typeof each === 'string' ? [{ place, to: each }] : references(each, `${place}/${key}`),
  );
}

function resolve(reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], written);
}

describe('deploy/asyncapi.json', () => {
  it('is current (npm run asyncapi)', () => {
    expect(text).toBe(asyncApiText());
  });

  it('describes every topic and every event', () => {
    const addresses = Object.values(written.channels).map(({ address }) => address);
    const expected = [...Object.values(TOPICS), ...DOCUMENTED_STAGES.map(stageTopic)];
    expect(addresses.sort()).toEqual(expected.sort());
    const names = Object.values(written.components.messages).map(({ name }) => name);
    expect(names.sort()).toEqual(Object.keys(EVENT_TYPES).sort());
  });

  it('documents every stage of the pipeline', () => {
    const list = readFileSync(path.resolve(import.meta.dirname, '../../workers/stages.ts'), 'utf8');
    const folders = [...list.matchAll(/from '\.\/([a-z]+)\/index\.ts'/g)].map(([, name]) => name);
    expect(DOCUMENTED_STAGES).toEqual(expect.arrayContaining(folders));
  });

  it('has no reference that leads nowhere', () => {
    const broken = references(written).filter(({ to }) => resolve(to) === undefined);
    expect(broken).toEqual([]);
    expect(references(written).length).toBeGreaterThan(20);
  });

  it('uses only messages of its channel in an operation, as AsyncAPI 3 demands', () => {
    for (const { action, channel, messages } of Object.values(written.operations)) {
      expect(['send', 'receive']).toContain(action);
      for (const { $ref } of messages) expect($ref.startsWith(`${channel.$ref}/messages/`)).toBe(true);
    }
  });

  it('demands what the contracts demand', () => {
    const uploaded = written.components.schemas.videoUploadedV1 as { required: string[] };
    expect(uploaded.required.sort()).toEqual(['media', 'metadata', 'source', 'videoId']);
  });
});
