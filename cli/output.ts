/** How the command speaks: results on standard output, everything else on standard error. */

import cliProgress from 'cli-progress';
import { type CinedexError, toCinedexError } from '../shared/contracts/errors.ts';

/** Exit codes of every verb. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export interface OutputOptions {
  json: boolean;
  quiet?: boolean;
  stdout?: NodeJS.WritableStream & { isTTY?: boolean };
  stderr?: NodeJS.WritableStream & { isTTY?: boolean };
}

export interface Progress {
  update(done: number, total: number, note: string): void;
  stop(): void;
}

const PLAIN_EVERY_MS = 5_000;

export class Output {
  readonly json: boolean;
  readonly #quiet: boolean;
  readonly #stdout: NonNullable<OutputOptions['stdout']>;
  readonly #stderr: NonNullable<OutputOptions['stderr']>;

  constructor({ json, quiet = false, stdout = process.stdout, stderr = process.stderr }: OutputOptions) {
    this.json = json;
    this.#quiet = quiet;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** The answer of the verb: `value` with --json, else the lines that `text` makes of it. */
  result<T>(value: T, text: (value: T) => string[]): void {
    const lines = this.json ? [JSON.stringify(value)] : text(value);
    this.#stdout.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** What goes on meanwhile. */
  note(line: string): void {
    if (!this.#quiet) this.#stderr.write(`${line}\n`);
  }

  /** `CODE: message` and a hint, never a stack. @returns the exit code */
  error(thrown: unknown): number {
    const error = toCinedexError(thrown);
    if (this.json) this.#stdout.write(`${JSON.stringify({ error: error.toInfo() })}\n`);
    else this.#stderr.write(`${describeError(error)}\n`);
    return error.code === 'USAGE' || error.code === 'CONFIG_INVALID' ? EXIT.usage : EXIT.failed;
  }

  /** A bar on a terminal; elsewhere a line now and then. */
  progress(title: string): Progress {
    if (this.#quiet) return { update: () => undefined, stop: () => undefined };
    if (this.#stderr.isTTY) return terminalBar(title, this.#stderr);
    let last = -1;
    let at = 0;
    return {
      update: (done, total, note) => {
        const due = Date.now() - at >= PLAIN_EVERY_MS || done === total;
        if (done === last || !due) return;
        last = done;
        at = Date.now();
        this.note(`${title}: ${done}/${total}${note && ` (${note})`}`);
      },
      stop: () => undefined,
    };
  }
}

function terminalBar(title: string, stream: NodeJS.WritableStream): Progress {
  const bar = new cliProgress.SingleBar(
    { format: `${title} [{bar}] {value}/{total} {note}`, stream, hideCursor: true, clearOnComplete: true },
    cliProgress.Presets.rect,
  );
  let started = false;
  return {
    update: (done, total, note) => {
      if (!started) bar.start(total, done, { note });
      started = true;
      bar.setTotal(total);
      bar.update(done, { note: note.slice(0, 60) });
    },
    stop: () => bar.stop(),
  };
}

function describeError(error: CinedexError): string {
  return `${error.code}: ${error.message}\n  hint: ${error.hint}`;
}

/** `1:02:03.4`, `2:03.4`: a place in a video. */
export function clock(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const [h, m, s] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const padded = s.toFixed(1).padStart(4, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${padded}` : `${m}:${padded}`;
}

export function byteCount(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}
