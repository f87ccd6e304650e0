/** Tells the server what was shown, opened, watched and found wrong, a few at a time. */
import { report } from '../api/client.ts';
import type { Interaction } from '../api/types.ts';

const GATHER_MS = 1_000;
const MOST_AT_ONCE = 100;

let gathered: Interaction[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Soon, with others that happen meanwhile. That it failed is worth a line in the console, not one on the page. */
export function note(...events: Interaction[]): void {
  gathered.push(...events);
  if (gathered.length >= MOST_AT_ONCE) flush();
  else timer ??= setTimeout(flush, GATHER_MS);
}

function flush(): void {
  clearTimeout(timer);
  timer = undefined;
  while (gathered.length > 0) {
    const events = gathered.slice(0, MOST_AT_ONCE);
    gathered = gathered.slice(MOST_AT_ONCE);
    report(events).catch((error: unknown) => console.info('not reported:', error));
  }
}

addEventListener('pagehide', flush);
