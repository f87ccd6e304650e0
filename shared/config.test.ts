import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeConfig, environmentName, loadConfig } from './config.ts';
import { booleanWord, whole } from './config-values.ts';

const sections = { ocr: z.object({ sampleRate: whole(1, 30).default(2).describe('Pictures a second') }) };

describe('loadConfig', () => {
  it('has a default for every key', () => {
    const config = loadConfig({}, sections);
    expect(config.stages).toEqual({ ocr: { sampleRate: 2 } });
    expect(config.core.profile).toBe('bundled');
  });

  it('reads the environment, and the command line over it', () => {
    const environment = { CINEDEX_OCR_SAMPLE_RATE: '5', CINEDEX_MEDIA_ALLOW_HTTPS: 'false' };
    expect(loadConfig(environment, sections).stages.ocr).toEqual({ sampleRate: 5 });
    expect(loadConfig(environment, sections).media.allowHttps).toBe(false);
    expect(loadConfig(environment, sections, { ocr: { sampleRate: 7 } }).stages.ocr).toEqual({
      sampleRate: 7,
    });
  });

  it('stops with the key, the value and what is allowed', () => {
    const start = () =>
      loadConfig({ CINEDEX_OCR_SAMPLE_RATE: '99', CINEDEX_PROFILE: 'best', CINEDEX_TYPO: '1' }, sections);
    expect(start).toThrowError(/CINEDEX_OCR_SAMPLE_RATE="99".*30/);
    expect(start).toThrowError(/CINEDEX_PROFILE="best".*bundled/);
    expect(start).toThrowError(/CINEDEX_TYPO: no such key/);
    expect(start).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('booleanWord', () => {
  it('takes words, and not everything that is not empty', () => {
    expect(booleanWord.parse('false')).toBe(false);
    expect(booleanWord.parse('Yes')).toBe(true);
    expect(booleanWord.safeParse('maybe').success).toBe(false);
  });
});

describe('describeConfig', () => {
  it('names every key with its default and meaning', () => {
    expect(environmentName('core', 'dataDir')).toBe('CINEDEX_DATA_DIR');
    const key = describeConfig(sections).find(({ name }) => name === 'CINEDEX_OCR_SAMPLE_RATE');
    expect(key).toEqual({
      name: 'CINEDEX_OCR_SAMPLE_RATE',
      fallback: '2',
      meaning: 'Pictures a second',
      allowed: '1 … 30',
    });
    expect(describeConfig().every(({ meaning }) => meaning.length > 0)).toBe(true);
  });
});
