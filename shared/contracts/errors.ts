/**
 * The one table of error codes. Every failure a person or a program can see carries one of them:
 * whether trying again can help, and what to do about it.
 */
export const ERROR_TABLE = {
  // --- configuration and start ---
  CONFIG_INVALID: { retryable: false, hint: 'Correct the named key; the message says what is allowed.' },
  DATA_LOCKED: {
    retryable: false,
    hint: 'Another Cinedex process owns this data folder. Stop it, or choose another with CINEDEX_DATA_DIR.',
  },
  MODEL_MISSING: { retryable: false, hint: 'Run `cinedex models pull`, then start again.' },
  MODEL_CORRUPT: { retryable: false, hint: 'Run `cinedex models pull --force` for the named model.' },
  DEPENDENCY_MISSING: {
    retryable: false,
    hint: 'Run `cinedex doctor`; it says what is missing and how to get it.',
  },
  // --- events ---
  EVENT_INVALID: { retryable: false, hint: 'The event does not match its schema; see deploy/asyncapi.json.' },
  MANIFEST_INVALID: {
    retryable: false,
    hint: 'One JSON object a line, of "path" or "uri" and metadata; `cinedex publish --help` shows one.',
  },
  EVENT_UNKNOWN_TYPE: { retryable: false, hint: 'No consumer understands this event type or version.' },
  // --- media access ---
  URI_NOT_ALLOWED: {
    retryable: false,
    hint: 'Allowed are files below a configured media root and https addresses that are public.',
  },
  MEDIA_NOT_FOUND: {
    retryable: false,
    hint: 'No media at this uri. Publish the video again once it is there.',
  },
  MEDIA_FETCH_FAILED: {
    retryable: true,
    hint: 'The media server did not answer properly; it will be tried again.',
  },
  MEDIA_TOO_LARGE: {
    retryable: false,
    hint: 'The media exceeds media.maxBytes; raise the limit or shorten the video.',
  },
  MEDIA_CHANGED: {
    retryable: false,
    hint: 'The bytes do not match the checksum in the event. Publish the video again with the right one.',
  },
  // --- media content ---
  MEDIA_EMPTY: { retryable: false, hint: 'The file has no bytes. Upload it again.' },
  MEDIA_UNSUPPORTED: {
    retryable: false,
    hint: 'Only videos are taken, in a container and codec of the allow-list. Convert to MP4, WebM, Matroska, AVI, TS, FLV or GIF.',
  },
  MEDIA_CORRUPT: { retryable: false, hint: 'The file cannot be decoded. Export or upload it again.' },
  MEDIA_ENCRYPTED: { retryable: false, hint: 'The media is encrypted. Publish an unprotected copy.' },
  MEDIA_NO_VIDEO: { retryable: false, hint: 'The file has no video track.' },
  MEDIA_LIMIT: {
    retryable: false,
    hint: 'The media exceeds a configured limit (pixels, duration, memory). See the media.* keys.',
  },
  MEDIA_TIMEOUT: {
    retryable: true,
    hint: 'Decoding took longer than allowed; raise media.timeoutMs for long videos.',
  },
  FFMPEG_FAILED: { retryable: true, hint: 'ffmpeg ended unexpectedly; the message holds its last words.' },
  // --- stages ---
  STAGE_TIMEOUT: {
    retryable: true,
    hint: 'The stage took longer than its limit; raise its timeout or lower the load.',
  },
  STAGE_BUG: { retryable: true, hint: 'An unexpected error in a stage. The log holds its stack.' },
  STAGE_OUTPUT_INVALID: {
    retryable: false,
    hint: 'The stage returned something its contract does not allow: a bug.',
  },
  NEED_UNMET: {
    retryable: false,
    hint: 'A stage that this one needs has failed or was skipped; repair that one first.',
  },
  ATTEMPTS_EXHAUSTED: {
    retryable: false,
    hint: 'All attempts failed; the cause is in the message. Replay it once mended.',
  },
  WORKER_CRASHED: {
    retryable: true,
    hint: 'A worker thread or process died during the work; it will be run again.',
  },
  ABORTED: { retryable: true, hint: 'The work was stopped (shutdown or lost lease); it will be run again.' },
  // --- stores ---
  ARTIFACT_MISSING: {
    retryable: true,
    hint: 'A stored artifact is gone; the stage that made it will run again.',
  },
  ARTIFACT_CORRUPT: {
    retryable: true,
    hint: 'A stored artifact does not match its checksum; it will be made again.',
  },
  STORE_UNAVAILABLE: { retryable: true, hint: 'A store or broker did not answer; it will be tried again.' },
  INDEX_MISMATCH: {
    retryable: false,
    hint: 'The index was built with other dimensions or fields. Build a new generation for the changed models.',
  },
  // --- measuring ---
  INDEX_INCOMPLETE: {
    retryable: true,
    hint: 'Wait until every video is indexed (`cinedex status`), or publish what is missing; then measure again.',
  },
  QUALITY_REGRESSED: {
    retryable: false,
    hint: 'A measure fell below its baseline. Find the cause, or set a new baseline with --save-baseline.',
  },
  // --- asking ---
  NOT_FOUND: { retryable: false, hint: 'Nothing with that name or id. `cinedex status` lists the videos.' },
  USAGE: { retryable: false, hint: 'Run the command with --help.' },
  UNAUTHORIZED: {
    retryable: false,
    hint: 'Searches: send a key of `cinedex keys create` as `Authorization: Bearer <key>`. Operations: sign in with CINEDEX_OPS_USER and CINEDEX_OPS_PASSWORD, or send CINEDEX_OPS_TOKEN.',
  },
  FORBIDDEN: {
    retryable: false,
    hint: 'This key may not do that. `cinedex keys ls` shows the tenant and the scopes of each key.',
  },
  CONFLICT: {
    retryable: false,
    hint: 'The Idempotency-Key was used for another request before. Use a new key for a new request.',
  },
  REQUEST_TOO_LARGE: {
    retryable: false,
    hint: 'A question has at most 1000 characters, a JSON body 256 KiB, a picture 20 MiB, a clip of sound 50 MiB.',
  },
  RANGE_UNSATISFIABLE: {
    retryable: false,
    hint: 'The Content-Range header says how many bytes there are; ask for a range of them.',
  },
  TOO_MANY_REQUESTS: { retryable: true, hint: 'Wait for as long as the Retry-After header says.' },
} as const satisfies Record<string, { retryable: boolean; hint: string }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** The form in which an error is stored in the ledger, in dead letters and in answers. */
export interface ErrorInfo {
  code: ErrorCode;
  message: string;
  hint: string;
  retryable: boolean;
}

/** Every deliberate failure. Whether a retry can help, and the hint, come from {@link ERROR_TABLE}. */
export class CinedexError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CinedexError';
    this.code = code;
  }

  get retryable(): boolean {
    return ERROR_TABLE[this.code].retryable;
  }

  get hint(): string {
    return ERROR_TABLE[this.code].hint;
  }

  toInfo(): ErrorInfo {
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable };
  }
}

/** Any thrown value as a {@link CinedexError}; what is not one already becomes `fallback` (a bug by default). */
export function toCinedexError(error: unknown, fallback: ErrorCode = 'STAGE_BUG'): CinedexError {
  if (error instanceof CinedexError) return error;
  // Errors that crossed a thread lose their class but keep name, code and message.
  if (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(ERROR_TABLE, error.code)
  ) {
    return new CinedexError(error.code as ErrorCode, error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CinedexError(fallback, message, { cause: error });
}
