import { describe, expect, it } from 'vitest';
import { mixed } from './listen.ts';

describe('mixed', () => {
  it('mixes channels that ffmpeg cannot place, in equal parts, and leaves the rest to it', () => {
    expect(mixed({ channels: 6, channelLayout: null })).toBe('pan=mono|c0<c0+c1+c2+c3+c4+c5,');
    expect(mixed({ channels: 6, channelLayout: '5.1' })).toBe('');
    expect(mixed({ channels: 2, channelLayout: null })).toBe('');
  });
});
