/** Files that were dropped on the page: an address can name them for as long as the page lives. */
import type { ExampleKind } from '../api/client.ts';

export interface Example {
  file: File;
  kind: ExampleKind;
}

const KEPT = 20;
const examples = new Map<string, Example>();
let count = 0;

/** @returns what to call it in an address */
export function keepExample(example: Example): string {
  count += 1;
  // Another page of this session, or this one loaded again, must not take it for its own.
  const name = `${Math.trunc(performance.timeOrigin).toString(36)}-${count}`;
  examples.set(name, example);
  for (const oldest of examples.keys()) {
    if (examples.size <= KEPT) break;
    examples.delete(oldest);
  }
  return name;
}

export function exampleNamed(name: string): Example | null {
  return examples.get(name) ?? null;
}

/** The first picture or sound among files; null where there is none. */
export function exampleAmong(files: Iterable<File>): Example | null {
  for (const file of files) {
    if (file.type.startsWith('image/')) return { file, kind: 'image' };
    if (file.type.startsWith('audio/')) return { file, kind: 'audio' };
  }
  return null;
}
