/**
 * Sessions of the page, whose pictures and videos cannot send a key: a signed cookie that names the key and its end. It
 * holds nothing to be stolen from a disk, dies with its key, and needs no store.
 */
import { createHmac } from 'node:crypto';
import { same } from '../../shared/http/asking.ts';

export const COOKIE = 'cinedex_session';
const SESSION_MS = 12 * 3_600_000;

export interface Sessions {
  /** Seconds that a session lasts. */
  readonly seconds: number;
  issue(keyId: string): string;
  /** The key's id; null for one that is not ours or has ended. */
  read(session: string): string | null;
}

/** @param secret at least 32 characters; processes that share it know each other's sessions */
export function createSessions(secret: string, now: () => number = Date.now): Sessions {
  const seal = (id: string, end: string) =>
    createHmac('sha256', secret).update(`session\n${id}\n${end}`).digest('base64url');
  return {
    seconds: SESSION_MS / 1_000,
    issue(id) {
      const end = String(now() + SESSION_MS);
      return `${id}.${end}.${seal(id, end)}`;
    },
    read(session) {
      const [id, end, mark, ...rest] = session.split('.');
      if (!id || !end || !mark || rest.length > 0 || !/^\d{1,16}$/.test(end)) return null;
      return same(mark, seal(id, end)) && Number(end) > now() ? id : null;
    },
  };
}
