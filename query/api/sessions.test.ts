import { describe, expect, it } from 'vitest';
import { createSessions } from './sessions.ts';

const SECRET = 'x'.repeat(32);

describe('a session', () => {
  it('names its key for twelve hours, in every process with the secret', () => {
    let now = 1_000;
    const session = createSessions(SECRET, () => now).issue('0123456789ab');
    const elsewhere = createSessions(SECRET, () => now);
    expect(elsewhere.read(session)).toBe('0123456789ab');
    now += elsewhere.seconds * 1_000 - 1;
    expect(elsewhere.read(session)).toBe('0123456789ab');
    now += 1;
    expect(elsewhere.read(session)).toBeNull();
  });

  it('is nothing when it was changed, or signed with another secret', () => {
    const sessions = createSessions(SECRET);
    const session = sessions.issue('0123456789ab');
    const [id, end, mark] = session.split('.') as [string, string, string];
    const wrong = [
      `ba9876543210.${end}.${mark}`,
      `${id}.${Number(end) + 1}.${mark}`,
      `${session}.x`,
      `${id}.${end}.`,
      createSessions('y'.repeat(32)).issue(id),
      '',
    ];
    expect(wrong.map((each) => sessions.read(each))).toEqual(wrong.map(() => null));
  });
});
