/**
 * tesseract.js, contained. Left alone, it hangs for ever when a language is missing, a job fails at the wrong moment or its
 * worker dies, and throws outside any promise. Here its files are checked first, every wait has an end, and a worker that
 * broke is thrown away and replaced by the next job.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createWorker, OEM, PSM, type RecognizeResult, type Worker } from 'tesseract.js';
import { CinedexError, toCinedexError } from '../../../shared/contracts/errors.ts';

export interface TesseractLimits {
  startMs: number;
  jobMs: number;
}

export const TESSERACT_LIMITS: TesseractLimits = { startMs: 30_000, jobMs: 30_000 };

/** What of tesseract.js is used; tests put something else in its place. */
export type StartWorker = (
  language: string,
  folder: string,
  onError: (error: unknown) => void,
) => Promise<Worker>;

/** The part of the library's worker that it does not declare: the Node thread behind it. */
type WithThread = { worker?: { on?: (event: string, listener: (value: unknown) => void) => void } };

export const startTesseract: StartWorker = async (language, folder, onError) => {
  const worker = await createWorker(
    language,
    OEM.LSTM_ONLY,
    // Without an errorHandler the library throws into the void.
    { langPath: folder, gzip: true, cacheMethod: 'none', logger: () => undefined, errorHandler: onError },
    'debug_file /dev/null',
  );
  const { worker: thread } = worker as unknown as WithThread;
  thread?.on?.('error', onError);
  thread?.on?.('exit', (code) => onError(new Error(`tesseract.js' worker ended with code ${String(code)}`)));
  return worker;
};

/** One language in one worker, started at the first job. Jobs run one after the other. */
export class TesseractWorker {
  readonly #file: string;
  readonly #limits: TesseractLimits;
  readonly #start: StartWorker;
  #running: { worker: Worker; failed: Promise<never> } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param file the language's `<code>.traineddata.gz` */
  constructor(file: string, limits: Partial<TesseractLimits> = {}, start: StartWorker = startTesseract) {
    this.#file = file;
    this.#limits = { ...TESSERACT_LIMITS, ...limits };
    this.#start = start;
  }

  /**
   * @param image PGM, PNG or JPEG holding prepared lines below each other
   * @throws CinedexError MODEL_MISSING, MODEL_CORRUPT, STAGE_TIMEOUT or WORKER_CRASHED, always within the limits
   */
  recognise(image: Buffer): Promise<RecognizeResult['data']> {
    const job = this.#last.then(() => this.#recognise(image));
    this.#last = job.catch(() => undefined); // Its own caller hears of it.
    return job;
  }

  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.worker.terminate();
  }

  async #recognise(image: Buffer): Promise<RecognizeResult['data']> {
    const { worker, failed } = await this.#worker();
    try {
      const job = worker.recognize(image, {}, { text: true, blocks: true });
      const { data } = await within(Promise.race([job, failed]), this.#limits.jobMs, 'tesseract.js');
      return data;
    } catch (error) {
      await this.close();
      throw toCinedexError(error, 'WORKER_CRASHED');
    }
  }

  async #worker(): Promise<{ worker: Worker; failed: Promise<never> }> {
    if (this.#running) return this.#running;
    checkLanguageFile(this.#file);
    let fail: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      fail = (error) =>
        reject(
          new CinedexError('WORKER_CRASHED', error instanceof Error ? error.message : String(error), {
            cause: error,
          }),
        );
    });
    failed.catch(() => undefined); // Heard by whichever job races against it.
    const language = path.basename(this.#file).replace(/\.traineddata\.gz$/, '');
    const starting = this.#start(language, path.dirname(this.#file), fail);
    try {
      const worker = await within(
        Promise.race([starting, failed]),
        this.#limits.startMs,
        'Starting tesseract.js',
      );
      await within(
        Promise.race([
          worker.setParameters({ tessedit_pageseg_mode: PSM.SINGLE_BLOCK, user_defined_dpi: '150' }),
          failed,
        ]),
        this.#limits.startMs,
        'Setting up tesseract.js',
      );
      this.#running = { worker, failed };
      return this.#running;
    } catch (error) {
      // Should it come up after all, nobody is waiting for it any more.
      starting.then((late) => late.terminate()).catch(() => undefined);
      throw toCinedexError(error, 'WORKER_CRASHED');
    }
  }
}

/** @throws CinedexError MODEL_MISSING or MODEL_CORRUPT: the library would hang on either */
export function checkLanguageFile(file: string): void {
  if (!existsSync(file))
    throw new CinedexError('MODEL_MISSING', `Tesseract's language file ${file} is missing.`);
  try {
    const data = gunzipSync(readFileSync(file));
    // The file begins with the number of its parts, then an offset for each.
    const parts = data.readInt32LE(0);
    if (parts < 1 || parts > 64 || data.length < 4 + parts * 8) throw new Error('no traineddata header');
  } catch (error) {
    throw new CinedexError(
      'MODEL_CORRUPT',
      `Tesseract's language file ${file} is damaged: ${String(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function within<T>(work: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new CinedexError('STAGE_TIMEOUT', `${what} did not answer within ${limitMs} ms.`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
