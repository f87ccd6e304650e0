/** Cursors: signed places in the answers to one question, of one tenant, in one generation of the index. */
import { createHash, createHmac } from 'node:crypto';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { same } from '../../shared/http/asking.ts';

export interface Place {
  offset: number;
  generation: string | null;
}

export interface Cursors {
  write(question: object, place: Place): string;
  /** @throws CinedexError USAGE for one that is not ours, or of another question */
  read(question: object, cursor: string): Place;
}

/** @param secret processes that share it read each other's cursors */
export function createCursors(secret: string): Cursors {
  const seal = (question: object, place: string) =>
    createHmac('sha256', secret)
      .update(`cursor\n${createHash('sha256').update(JSON.stringify(question)).digest('hex')}\n${place}`)
      .digest('base64url')
      .slice(0, 22);
  return {
    write(question, { offset, generation }) {
      const place = Buffer.from(JSON.stringify([offset, generation])).toString('base64url');
      return `${place}.${seal(question, place)}`;
    },
    read(question, cursor) {
      const [place = '', mark = '', ...rest] = cursor.split('.');
      if (rest.length > 0 || !same(mark, seal(question, place))) {
        throw new CinedexError('USAGE', 'The cursor does not belong to this question; ask from the start.');
      }
      const [offset, generation] = JSON.parse(Buffer.from(place, 'base64url').toString()) as [
        number,
        string | null,
      ];
      return { offset, generation };
    },
  };
}
