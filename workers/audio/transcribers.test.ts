import { describe, expect, it } from 'vitest';
import { chooseTranscriber, suggestedTranscriber } from './transcribers.ts';

describe('chooseTranscriber', () => {
  const having = (...ids: string[]) => ({ has: (id: string) => ids.includes(id) });

  it('takes the best that is there, or none', () => {
    expect(chooseTranscriber('auto', having(), 'bundled')).toBeNull();
    expect(chooseTranscriber('auto', having('moonshine-tiny'), 'bundled')).toBe('moonshine-tiny');
    expect(chooseTranscriber('auto', having('moonshine-tiny', 'moonshine-base'), 'bundled')).toBe(
      'moonshine-base',
    );
    expect(chooseTranscriber('none', having('moonshine-tiny'), 'standard')).toBeNull();
  });

  it.each(['standard', 'chinese'] as const)(
    'prefers Whisper in the profile %s, and goes without',
    (profile) => {
      expect(chooseTranscriber('auto', having('moonshine-base', 'whisper-base'), profile)).toBe(
        'whisper-base',
      );
      expect(chooseTranscriber('auto', having('moonshine-tiny'), profile)).toBe('moonshine-tiny');
      expect(chooseTranscriber('auto', having(), profile)).toBeNull();
      expect(suggestedTranscriber(profile)).toBe('whisper-base');
    },
  );

  it('stays with Moonshine in the bundled profile', () => {
    expect(chooseTranscriber('auto', having('whisper-base'), 'bundled')).toBeNull();
    expect(chooseTranscriber('auto', having('whisper-base', 'moonshine-tiny'), 'bundled')).toBe(
      'moonshine-tiny',
    );
    expect(suggestedTranscriber('bundled')).toBe('moonshine-tiny');
  });

  it('insists on one that was asked for', () => {
    expect(chooseTranscriber('moonshine-base', having(), 'standard')).toBe('moonshine-base');
    expect(chooseTranscriber('whisper', having(), 'bundled')).toBe('whisper-base');
  });
});
