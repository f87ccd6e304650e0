import { describe, expect, it } from 'vitest';
import { collectionSchemas, generationName, type IndexModels, pointId } from './schema.ts';

const models: IndexModels = {
  text: { id: 'use-lite@1', dimensions: 512 },
  multimodal: { id: 'Some Space/v1', dimensions: 256 },
  face: { id: 'face@1', dimensions: 128 },
  audio: { id: 'audio@1', dimensions: 110 },
};

describe('generationName', () => {
  it('is stable, readable and safe as part of a table name', () => {
    const name = generationName(models);
    expect(name).toBe(generationName(structuredClone(models)));
    expect(name).toMatch(/^g2-use_lite_1-some_space_v1-[0-9a-f]{10}$/);
  });

  it('changes with every model that shapes vectors', () => {
    for (const kind of ['text', 'multimodal', 'face', 'audio'] as const) {
      expect(generationName({ ...models, [kind]: { ...models[kind], id: 'other' } })).not.toBe(
        generationName(models),
      );
      expect(generationName({ ...models, [kind]: { ...models[kind], dimensions: 7 } })).not.toBe(
        generationName(models),
      );
    }
  });
});

describe('pointId', () => {
  it('is the same for the same, and different for every part', () => {
    const video = { tenant: 't', videoId: 'v' };
    expect(pointId(video, 'moments', '1.0')).toBe(pointId({ ...video }, 'moments', '1.0'));
    const ids = [
      pointId(video, 'moments', '1.0'),
      pointId(video, 'moments', '1.1'),
      pointId(video, 'faces', '1.0'),
      pointId({ tenant: 't', videoId: 'w' }, 'moments', '1.0'),
      pointId({ tenant: 'u', videoId: 'v' }, 'moments', '1.0'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('does not change between versions of the program', () => {
    expect(pointId({ tenant: 'default', videoId: 'v1' }, 'videos')).toMatchInlineSnapshot(
      `"d5d7118b-0c02-55ea-9cf8-a58ffd7c7222"`,
    );
  });
});

describe('collectionSchemas', () => {
  it('gives every collection the dimensions of its encoder', () => {
    const [videos, moments, faces, audio] = collectionSchemas(models);
    expect(videos!.vectors.title).toEqual({ dimensions: 512, distance: 'cosine' });
    expect(videos!.multivectors).toEqual({ parts: { dimensions: 512 } });
    expect(moments!.vectors.visual!.dimensions).toBe(256);
    expect(faces!.vectors.descriptor).toEqual({ dimensions: 128, distance: 'euclid' });
    expect(audio!.vectors.embedding!.dimensions).toBe(110);
  });
});
