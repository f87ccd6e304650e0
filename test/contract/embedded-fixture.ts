import type { CollectionSchema } from '../../shared/ports/video-index.ts';

export const COLLECTION: CollectionSchema = {
  name: 'videos',
  vectors: { text: { dimensions: 2, distance: 'cosine' } },
  lexical: ['title'],
  filterable: { n: 'integer' },
};

export const descriptorOf = (n: number) => new Float32Array(128).fill(n);
