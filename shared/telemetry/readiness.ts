/** Readiness: the process has begun, and what it needs answers within a time. */
import type { Verdict } from './probes.ts';

export interface ReadinessOptions {
  /** Null when the process takes work, else why not ("models are loading"). */
  waitingFor: () => string | null;
  /** What must answer, by name. */
  checks: Record<string, () => Promise<unknown>>;
  /** Limit of each check, ms. @default 3 000 */
  timeoutMs?: number;
  /** How long an answer holds, so that probes do not become load, ms. @default 2 000 */
  holdMs?: number;
  now?: () => number;
}

export function createReadiness(options: ReadinessOptions): () => Promise<Verdict> {
  const { waitingFor, checks, timeoutMs = 3_000, holdMs = 2_000, now = Date.now } = options;
  let held: { at: number; verdict: Promise<Verdict> } | undefined;

  async function ask(): Promise<Verdict> {
    const answers = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        try {
          await within(check(), timeoutMs);
          return null;
        } catch (error) {
          return `${name}: ${error instanceof Error ? error.message : String(error)}`;
        }
      }),
    );
    const reasons = answers.filter((answer) => answer !== null);
    return { ok: reasons.length === 0, reasons };
  }

  return async () => {
    const reason = waitingFor();
    if (reason !== null) return { ok: false, reasons: [reason] };
    if (!held || now() - held.at > holdMs) held = { at: now(), verdict: ask() };
    return held.verdict;
  };
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
