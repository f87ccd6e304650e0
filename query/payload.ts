/** Reading what a point carries: payloads come from stores, so every value is checked. */
import { BlobRef } from '../shared/contracts/common.ts';
import type { Payload, PayloadValue } from '../shared/ports/video-index.ts';

type Value = PayloadValue | undefined;

/** Empty for anything but a text. */
export function stringOf(value: Value): string {
  return typeof value === 'string' ? value : '';
}

export function numberOf(value: Value): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** The texts of a list. */
export function stringsOf(value: Value): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** The objects of a list. */
export function listOf(value: Value): Payload[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (each): each is Payload => each !== null && typeof each === 'object' && !Array.isArray(each),
  );
}

export function blobOf(value: Value): BlobRef | null {
  const parsed = BlobRef.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** Names of what is seen, most certain first. */
export function labelsOf({ labels }: Payload): string[] {
  return listOf(labels).flatMap(({ label }) => (typeof label === 'string' ? [label] : []));
}

/** Clicks after a query, less those of viewers who then said that it does not answer it. */
export function contentClicks(counts: Payload): number {
  return Math.max(0, (numberOf(counts.clicks) ?? 0) - (numberOf(counts.notRelevant) ?? 0));
}
