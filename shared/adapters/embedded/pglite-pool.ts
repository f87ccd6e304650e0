/**
 * PostgreSQL as WebAssembly behind the shape of a `pg.Pool`, for BullMQ's PostgreSQL backend. PGlite has one session: a
 * transaction holds it until it ends, and LISTEN is mapped to PGlite's own notifications.
 */
import { EventEmitter } from 'node:events';
import { PGlite } from '@electric-sql/pglite';
import { keepWasmCode } from '../../wasm.ts';

type Parameters = readonly unknown[];
interface Result {
  // Rows are whatever BullMQ selected; it says so itself at each call.
  rows: never[];
  rowCount: number;
}
type Text = string | { text: string; values?: Parameters };

/** node-postgres returns int8 and numeric as text; BullMQ relies on it. */
const INT8 = 20;
const NUMERIC = 1700;
/** BullMQ's statements come from files that begin with comments. */
const LEADING_COMMENTS = /^(?:\s|--[^\n]*\n)*/;
const asText = (value: string) => value;

export class PglitePool extends EventEmitter {
  readonly options = { keepAlive: true };
  readonly #database: PGlite;
  #tail: Promise<void> = Promise.resolve();

  private constructor(database: PGlite) {
    super();
    this.setMaxListeners(0);
    this.#database = database;
  }

  static async open(folder: string): Promise<PglitePool> {
    keepWasmCode();
    const database = await PGlite.create({ dataDir: folder, parsers: { [INT8]: asText, [NUMERIC]: asText } });
    return new PglitePool(database);
  }

  async connect(): Promise<PgliteClient> {
    return new PgliteClient(this);
  }

  async query(text: Text, values?: Parameters): Promise<Result> {
    const release = await this.acquire();
    try {
      return await this.execute(text, values);
    } finally {
      release();
    }
  }

  /** Takes the one session; resolves to the function that gives it back. */
  async acquire(): Promise<() => void> {
    let release: () => void = () => undefined;
    const before = this.#tail;
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  /** Runs a statement in the session; the caller holds it. */
  async execute(text: Text, values?: Parameters): Promise<Result> {
    const statement = typeof text === 'string' ? text : text.text;
    const parameters = (typeof text === 'string' ? values : text.values) ?? [];
    if (parameters.length === 0) {
      // Several statements in one text (migrations): the last one's rows count.
      const last = (await this.#database.exec(statement)).at(-1);
      const rows = (last?.rows ?? []) as never[];
      return { rows, rowCount: last?.affectedRows || rows.length };
    }
    const result = await this.#database.query(
      statement,
      parameters.map((value) => value ?? null),
    );
    return { rows: result.rows as never[], rowCount: result.rows.length || (result.affectedRows ?? 0) };
  }

  async listen(channel: string, onMessage: (payload: string) => void): Promise<() => Promise<void>> {
    // Inside a transaction of somebody else it would be undone with that one.
    const release = await this.acquire();
    try {
      return await this.#database.listen(channel, onMessage);
    } finally {
      release();
    }
  }

  async end(): Promise<void> {
    const release = await this.acquire();
    try {
      await this.#database.close();
    } finally {
      release();
    }
  }
}

class PgliteClient extends EventEmitter {
  readonly #pool: PglitePool;
  readonly #listening = new Map<string, () => Promise<void>>();
  #release: (() => void) | undefined;

  constructor(pool: PglitePool) {
    super();
    this.setMaxListeners(0);
    this.#pool = pool;
  }

  async query(text: Text, values?: Parameters): Promise<Result> {
    const statement = (typeof text === 'string' ? text : text.text).replace(LEADING_COMMENTS, '');
    const listen = /^(LISTEN|UNLISTEN)\s+"?(\w+)"?/i.exec(statement);
    if (listen) return this.#listen(listen[1]!.toUpperCase() === 'LISTEN', listen[2]!);
    const control = /^(BEGIN|START TRANSACTION|COMMIT|ROLLBACK)\b/i.exec(statement)?.[1]?.toUpperCase();
    if ((control === 'BEGIN' || control === 'START TRANSACTION') && !this.#release) {
      this.#release = await this.#pool.acquire();
    }
    try {
      return await (this.#release ? this.#pool.execute(text, values) : this.#pool.query(text, values));
    } finally {
      const ends = control === 'COMMIT' || (control === 'ROLLBACK' && !/^ROLLBACK\s+TO/i.test(statement));
      if (ends) this.#giveBack();
    }
  }

  release(): void {
    if (this.#release) {
      this.#pool.execute('ROLLBACK').then(
        () => this.#giveBack(),
        (error) => {
          this.#giveBack();
          this.#pool.emit('error', error);
        },
      );
    }
    for (const stop of this.#listening.values()) void stop();
    this.#listening.clear();
    this.removeAllListeners();
  }

  #giveBack(): void {
    this.#release?.();
    this.#release = undefined;
  }

  async #listen(start: boolean, channel: string): Promise<Result> {
    if (start && !this.#listening.has(channel)) {
      const stop = await this.#pool.listen(channel, (payload) =>
        this.emit('notification', { channel, payload, processId: 1 }),
      );
      this.#listening.set(channel, stop);
    } else if (!start) {
      await this.#listening.get(channel)?.();
      this.#listening.delete(channel);
    }
    return { rows: [], rowCount: 0 };
  }
}
