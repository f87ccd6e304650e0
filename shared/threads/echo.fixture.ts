import { threadId } from 'node:worker_threads';
import { CinedexError, type ErrorCode } from '../contracts/errors.ts';
import { serve } from './serve.ts';

function create(init: unknown) {
  const { prefix = '', broken = false } = init as { prefix?: string; broken?: boolean };
  if (broken) throw new Error('no model');
  return {
    echo: (text: string) => prefix + text,
    threadNumber: () => threadId,
    fail: (code: ErrorCode): string => {
      throw new CinedexError(code, 'as asked');
    },
    die: (): void => process.exit(3),
    /** Sets the first number when it begins, and the second when it ends, so many milliseconds later. */
    busy: (progress: Int32Array, ms: number): void => {
      Atomics.store(progress, 0, 1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      Atomics.store(progress, 1, 1);
    },
    spin: (): void => {
      for (;;) Math.sqrt(2);
    },
  };
}
export type EchoThread = ReturnType<typeof create>;

serve(create);
