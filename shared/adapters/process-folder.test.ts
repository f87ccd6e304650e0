import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { takeProcessFolder } from './process-folder.ts';

it('gives each taker a folder of its own, and a freed one to the next', () => {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'cinedex-processes-'));
  try {
    const first = takeProcessFolder(dataDir);
    const second = takeProcessFolder(dataDir);
    expect(second.dir).not.toBe(first.dir);
    first.release();
    const third = takeProcessFolder(dataDir);
    expect(third.dir).toBe(first.dir);
    second.release();
    third.release();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
