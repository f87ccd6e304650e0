import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{shared,workers,query,ops,cli,bench,test}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: model threads and ffmpeg children already fill them.
    maxWorkers: 2,
    pool: 'forks',
    // As shared/wasm.ts does it; some tests compile models in this process itself.
    execArgv: ['--no-wasm-code-gc'],
  },
});
