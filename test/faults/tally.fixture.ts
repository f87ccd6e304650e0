/** Takes stock after a fault, says it aloud, and keeps it with the test, from where the report takes it. */
import { TestRunner } from 'vitest';
import type { App } from '../../workers/app.ts';
import { type Tally, tallyOf } from './tally.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** One for every fault that the test has taken stock of. */
    tallies?: (Tally & { fault: string })[];
  }
}

export async function takeStock(app: App, fault: string, videoIds: readonly string[]): Promise<Tally> {
  return note(fault, await tallyOf(app, videoIds));
}

export function note(fault: string, tally: Tally): Tally {
  const letters = JSON.stringify(tally.deadLetters);
  console.info(
    `${fault}: videos in ${tally.in}, settled ${tally.settled}, lost ${tally.lost}, doubled ${tally.doubled}; dead letters ${letters}`,
  );
  const { meta } = TestRunner.getCurrentTest()!;
  meta.tallies = [...(meta.tallies ?? []), { fault, ...tally }];
  return tally;
}
