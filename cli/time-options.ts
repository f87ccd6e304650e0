/** Times and numbers as people write them on the command line. */
import { InvalidArgumentError } from 'commander';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** `2024-05-01`, `2024-05-01T12:00Z`, or how long ago: `30m`, `12h`, `7d`. @returns ms since the epoch */
export function parseTime(text: string, now: number = Date.now()): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(text);
  if (ago) return now - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS];
  const time = /^\d{4}-\d\d-\d\d(T.+)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError(`"${text}" is no time; write 2024-05-01, 2024-05-01T12:00Z or 7d.`);
  return time;
}

/** `50/s`, `600/min`, `50`. @returns a second */
export function parseRate(text: string): number {
  const rate = /^(\d+(?:\.\d+)?)(?:\/(s|sec|min|m|h))?$/.exec(text);
  const value = Number(rate?.[1]);
  if (!rate || value <= 0) throw new InvalidArgumentError(`"${text}" is no rate; write 50/s, 600/min or 50.`);
  const per = rate[2] ?? 's';
  return value / (per === 'h' ? 3_600 : per.startsWith('m') ? 60 : 1);
}

export interface OffsetOption {
  partition: number;
  from: string;
  to: string;
}

/** `2:100-200`: offsets 100 to 199 of partition 2. May be given several times, or parted by commas. */
export function parseOffsets(text: string, before: OffsetOption[] = []): OffsetOption[] {
  const parsed = text.split(',').map((part) => {
    const found = /^(\d{1,6}):(\d{1,18})-(\d{1,18})$/.exec(part.trim());
    if (!found || BigInt(found[2]!) >= BigInt(found[3]!))
      throw new InvalidArgumentError(
        `"${part}" is no stretch of offsets; write partition:from-to, 2:100-200.`,
      );
    return { partition: Number(found[1]), from: found[2]!, to: found[3]! };
  });
  return [...before, ...parsed];
}

export function parseCount(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new InvalidArgumentError(`"${text}" is no number from 1 on.`);
  return count;
}

/** `1:05:00 h`, `3:20 min`, `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3_600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)} h`;
}
