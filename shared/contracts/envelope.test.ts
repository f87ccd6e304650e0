import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent } from './envelope.ts';
import { CinedexError, ERROR_TABLE, toCinedexError } from './errors.ts';

const data = {
  tenant: 'default',
  videoId: 'v1',
  source: 'ogc' as const,
  media: { uri: 'https://example.org/v.mp4' },
  metadata: { title: '三体 第3集' },
};

describe('encodeEvent and decodeEvent', () => {
  it('carries a payload in CloudEvents binary mode, keyed by tenant and video', () => {
    const record = encodeEvent('video.uploaded.v1', data, { id: 'e1', traceparent: '00-aa-bb-01' });
    expect(record.key).toBe('default/v1');
    expect(record.headers).toMatchObject({
      ce_specversion: '1.0',
      ce_type: 'video.uploaded.v1',
      ce_id: 'e1',
      ce_subject: 'v1',
    });
    expect(decodeEvent(record)).toMatchObject({
      id: 'e1',
      type: 'video.uploaded.v1',
      traceparent: '00-aa-bb-01',
      data,
    });
  });

  it('refuses to send what the schema does not allow, naming the field', () => {
    const broken = { ...data, metadata: { title: '' } };
    expect(() => encodeEvent('video.uploaded.v1', broken)).toThrowError(/metadata\.title/);
  });

  it.each([
    ['no CloudEvent', { value: '{}', headers: {} }, 'EVENT_INVALID'],
    [
      'another version',
      { value: '{}', headers: { ce_id: '1', ce_type: 'video.deleted.v1', ce_specversion: '0.3' } },
      'EVENT_INVALID',
    ],
    [
      'an unknown type',
      { value: '{}', headers: { ce_id: '1', ce_type: 'video.x.v1', ce_specversion: '1.0' } },
      'EVENT_UNKNOWN_TYPE',
    ],
    [
      'a name of every object',
      { value: '{}', headers: { ce_id: '1', ce_type: 'toString', ce_specversion: '1.0' } },
      'EVENT_UNKNOWN_TYPE',
    ],
    [
      'no JSON',
      { value: '{', headers: { ce_id: '1', ce_type: 'video.deleted.v1', ce_specversion: '1.0' } },
      'EVENT_INVALID',
    ],
    [
      'a bad id',
      {
        value: '{"videoId":"a b"}',
        headers: { ce_id: '1', ce_type: 'video.deleted.v1', ce_specversion: '1.0' },
      },
      'EVENT_INVALID',
    ],
  ])('refuses %s', (_, record, code) => {
    expect(() => decodeEvent(record as { value: string; headers: Record<string, string> })).toThrowError(
      expect.objectContaining({ code }),
    );
  });
});

describe('errors', () => {
  it('all have a hint', () => {
    for (const [code, { hint }] of Object.entries(ERROR_TABLE)) expect(hint, code).toMatch(/\S.*\.$|`$/);
  });

  it('keep their code across a thread, and unknown ones become a bug that may be retried', () => {
    const crossed = Object.assign(new Error('gone'), { code: 'MEDIA_NOT_FOUND' });
    expect(toCinedexError(crossed)).toMatchObject({ code: 'MEDIA_NOT_FOUND', retryable: false });
    expect(toCinedexError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toMatchObject({
      code: 'STAGE_BUG',
    });
    expect(toCinedexError('text')).toBeInstanceOf(CinedexError);
  });
});
