import v8 from 'node:v8';

/**
 * Keeps compiled WebAssembly until its module is let go of. Call it before the first module of a process is compiled.
 *
 * Node 24 can end a process in the middle ("Check failed: jit_page_->allocations_.erase(addr) == 1") when V8 frees dead code
 * between WebAssembly and JavaScript, of which PGlite and TensorFlow.js make much: nodejs/node#66366, by which 22 and 26 do
 * not. It happened here once, in bench/chain.ts, in some 400 starts and stops of all it opens, and could not be provoked;
 * that this call prevents it follows from where it happened. What stays instead is the quick first translation of functions
 * that were then translated well: 25 MB of 1,260 after 50 videos (bench/memory.ts, a run with this call and one without).
 */
export function keepWasmCode(): void {
  v8.setFlagsFromString('--no-wasm-code-gc');
}
