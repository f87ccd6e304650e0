/** Finds out whether an MP4's tracks are encrypted, which ffprobe does not tell: it names the codec that lies beneath. */
import { type FileHandle, open } from 'node:fs/promises';

const LARGEST_INDEX_BYTES = 64 * 1024 ** 2;
const MOST_TOP_BOXES = 100_000;
/** Where sample descriptions lie (ISO/IEC 14496-12), from the file's root. */
const PATH_TO_DESCRIPTIONS = ['trak', 'mdia', 'minf', 'stbl', 'stsd'];
/** Version, flags and entry count. */
const DESCRIPTIONS_HEADER = 8;
/** Sample entries of protected tracks (ISO/IEC 14496-12, 8.12; common encryption, ISO/IEC 23001-7). */
const PROTECTED_ENTRY = /^enc[vats]$|^drm[vai]$/;

interface Box {
  type: string;
  start: number;
  end: number;
}

/** False also where the file is no MP4 or too damaged to tell. */
export async function isProtectedMp4(file: string): Promise<boolean> {
  await using handle = await open(file, 'r');
  const { size } = await handle.stat();
  const index = await findIndex(handle, size);
  return index !== undefined && hasProtectedEntry(index, 0, index.length, 0);
}

async function findIndex(handle: FileHandle, size: number): Promise<Buffer | undefined> {
  const head = Buffer.alloc(16);
  let at = 0;
  for (let count = 0; count < MOST_TOP_BOXES && at + 8 <= size; count += 1) {
    const { bytesRead } = await handle.read(head, 0, 16, at);
    const box = readBox(head.subarray(0, bytesRead), 0, size - at);
    if (!box) return undefined;
    const length = box.end - box.start;
    if (box.type === 'moov' && length <= LARGEST_INDEX_BYTES) {
      const index = Buffer.alloc(Math.min(length, size - at - box.start));
      await handle.read(index, 0, index.length, at + box.start);
      return index;
    }
    at += box.end;
  }
  return undefined;
}

/** @returns the box at `at`, with `start` and `end` of its contents in the same bytes */
function readBox(bytes: Buffer, at: number, limit: number): Box | undefined {
  if (at + 8 > bytes.length) return undefined;
  const short = bytes.readUInt32BE(at);
  const type = bytes.toString('latin1', at + 4, at + 8);
  const isLong = short === 1;
  if (isLong && at + 16 > bytes.length) return undefined;
  const length = isLong ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? limit - at : short;
  const header = isLong ? 16 : 8;
  return length < header ? undefined : { type, start: at + header, end: at + length };
}

function hasProtectedEntry(bytes: Buffer, from: number, to: number, depth: number): boolean {
  for (let at = from; at < to; ) {
    const box = readBox(bytes, at, to);
    if (!box || box.end > to) return false;
    if (depth === PATH_TO_DESCRIPTIONS.length) {
      if (PROTECTED_ENTRY.test(box.type)) return true;
    } else if (box.type === PATH_TO_DESCRIPTIONS[depth]) {
      const start = box.start + (box.type === 'stsd' ? DESCRIPTIONS_HEADER : 0);
      if (hasProtectedEntry(bytes, start, box.end, depth + 1)) return true;
    }
    at = box.end;
  }
  return false;
}
