import type { InferenceSession } from 'onnxruntime-node';

/**
 * One thread a session: the process runs several models side by side, and a second thread would mostly spin. Warnings
 * are about graph optimisations and of no use to an operator.
 */
export const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
};
