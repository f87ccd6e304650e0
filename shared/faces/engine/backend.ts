/** tfjs on WebAssembly, for a worker thread: it computes on the thread that calls it. */
import { createRequire } from 'node:module';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { CinedexError } from '../../contracts/errors.ts';

let started: Promise<void> | undefined;

/**
 * Starts the backend once a thread. (`@tensorflow/tfjs` rather than `tfjs-core`, because the model packages use
 * operations as methods of tensors, which only it registers.)
 * @throws CinedexError DEPENDENCY_MISSING when WebAssembly with SIMD is not there
 */
export function startBackend(): Promise<void> {
  started ??= (async () => {
    const require = createRequire(import.meta.url);
    setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}${path.sep}`);
    tf.env().set('PROD', true);
    if (!(await tf.setBackend('wasm'))) {
      throw new CinedexError(
        'DEPENDENCY_MISSING',
        'The WebAssembly backend of TensorFlow.js does not start here.',
      );
    }
    await tf.ready();
  })();
  return started;
}
