/** The index that other suites write to must itself keep the contract. */
import { MemoryIndex } from '../fixtures/memory-index.ts';
import { videoIndexContract } from './video-index.contract.ts';

videoIndexContract('memory', async () => {
  const store = new MemoryIndex();
  return { store, dispose: () => store.close() };
});
