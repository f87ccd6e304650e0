/** Errors over HTTP: problem documents (RFC 9457) that carry the codes of our table. */
import type { FastifyInstance } from 'fastify';
import { CinedexError, type ErrorCode, toCinedexError } from '../contracts/errors.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Codes that are not the server's fault, or say something about when to come back. All others are 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  CONFIG_INVALID: 400,
  EVENT_INVALID: 400,
  EVENT_UNKNOWN_TYPE: 400,
  URI_NOT_ALLOWED: 400,
  MEDIA_EMPTY: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  MEDIA_NOT_FOUND: 404,
  ARTIFACT_MISSING: 404,
  DATA_LOCKED: 409,
  CONFLICT: 409,
  REQUEST_TOO_LARGE: 413,
  MEDIA_TOO_LARGE: 413,
  MEDIA_LIMIT: 413,
  MEDIA_UNSUPPORTED: 415,
  RANGE_UNSATISFIABLE: 416,
  MEDIA_TIMEOUT: 422,
  MEDIA_CORRUPT: 422,
  MEDIA_ENCRYPTED: 422,
  MEDIA_NO_VIDEO: 422,
  TOO_MANY_REQUESTS: 429,
  MEDIA_FETCH_FAILED: 502,
  MODEL_MISSING: 503,
  INDEX_MISMATCH: 503,
  STORE_UNAVAILABLE: 503,
  ABORTED: 503,
  STAGE_TIMEOUT: 504,
};

export interface Problem {
  /** No page describes it further than the hint does. */
  type: 'about:blank';
  title: ErrorCode;
  status: number;
  detail: string;
  code: ErrorCode;
  hint: string;
  retryable: boolean;
}

/** The document for an error. What is a bug tells no details: they are in the log. */
export function problemOf(thrown: unknown): Problem {
  const error = toCinedexError(thrown);
  const { code, message, hint, retryable } = error.toInfo();
  const detail = code === 'STAGE_BUG' ? 'An unexpected error; the log holds its stack.' : message;
  // The table speaks to whoever typed a command.
  const advice = code === 'USAGE' ? 'Correct what the message names.' : hint;
  return {
    type: 'about:blank',
    title: code,
    status: STATUS[code] ?? 500,
    detail,
    code,
    hint: advice,
    retryable,
  };
}

/** Fastify's own refusals (a body that is no JSON, say) have a status below 500; all else that is no error of ours is a bug. */
function problemOfFramework(error: Error & { statusCode?: number }): Problem {
  const { statusCode = 500, message } = error;
  if (statusCode >= 500) return problemOf(error);
  const code = statusCode === 413 ? 'REQUEST_TOO_LARGE' : 'USAGE';
  return { ...problemOf(new CinedexError(code, message, { cause: error })), status: statusCode };
}

/** Lets every error and every unknown path of a server be answered with a problem document. */
export function answerProblems(server: FastifyInstance, logger: Logger): void {
  server.setErrorHandler(async (error: Error & { statusCode?: number }, request, reply) => {
    const problem = error instanceof CinedexError ? problemOf(error) : problemOfFramework(error);
    // Whoever has gone reads no answer, and what failed is mostly that they have gone.
    if (reply.raw.destroyed) logger.debug({ err: error, url: request.url }, 'request given up');
    else if (problem.status >= 500) logger.error({ err: error, url: request.url }, 'request failed');
    return reply.code(problem.status).type('application/problem+json').send(problem);
  });
  server.setNotFoundHandler(async (request, reply) => {
    const problem = problemOf(
      new CinedexError('NOT_FOUND', `There is nothing at ${request.method} ${request.url}.`),
    );
    return reply.code(404).type('application/problem+json').send(problem);
  });
}
