/** How the page is built: everything from here, nothing inlined, so that a content security policy of 'self' suffices. */
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // Whatever NODE_ENV a test runner has set: the page is the same wherever it is built.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
  build: {
    outDir: 'dist',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    target: 'es2022',
  },
  // `npx vite query/web` beside a running `cinedex up --query` shows changes at once.
  server: { proxy: { '/v1': 'http://127.0.0.1:8080' } },
});
