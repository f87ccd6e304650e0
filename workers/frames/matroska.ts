/**
 * Reads the one stream that the pass writes: several tracks in Matroska, each packet with its true time. A raw pipe has no
 * times, and a pipe a track can deadlock; this needs neither a fixed frame rate nor a second pipe.
 *
 * Only what ffmpeg's live muxer writes is understood (EBML, RFC 8794; Matroska, RFC 9559): masters that hold blocks are
 * entered, everything else is skipped by its length, lacing is not used.
 */
export interface Packet {
  /** Number of the track, from 1, in the order of the `-map` options. */
  track: number;
  timeSec: number;
  data: Buffer;
}

const ID = {
  segment: 0x18538067,
  cluster: 0x1f43b675,
  clusterTime: 0xe7,
  blockGroup: 0xa0,
  block: 0xa1,
  simpleBlock: 0xa3,
} as const;
const ENTERED = new Set<number>([ID.segment, ID.cluster, ID.blockGroup]);
/** Larger than any picture of ours; a longer element means that the stream is not what we think. */
const LONGEST_ELEMENT = 256 * 1024 ** 2;
const MILLISECONDS = 1_000;

/** @throws Error when the stream is not Matroska */
export async function* readPackets(chunks: AsyncIterable<Buffer>): AsyncGenerator<Packet> {
  const bytes = new ByteQueue();
  let clusterTime = 0;
  let skip = 0;
  for await (const chunk of chunks) {
    bytes.push(chunk);
    for (;;) {
      if (skip > 0) {
        skip -= bytes.drop(skip);
        if (skip > 0) break;
      }
      const header = readHeader(bytes.peek(12));
      if (!header) break;
      const { id, headerLength, length } = header;
      if (ENTERED.has(id)) {
        bytes.drop(headerLength);
      } else if (id === ID.clusterTime || id === ID.block || id === ID.simpleBlock) {
        if (length > LONGEST_ELEMENT) throw new Error(`A Matroska element of ${length} bytes.`);
        if (bytes.length < headerLength + length) break;
        bytes.drop(headerLength);
        const data = bytes.take(length);
        if (id === ID.clusterTime) clusterTime = data.reduce((value, byte) => value * 256 + byte, 0);
        else yield readBlock(data, clusterTime);
      } else {
        bytes.drop(headerLength);
        skip = length;
      }
    }
  }
}

function readBlock(data: Buffer, clusterTime: number): Packet {
  // Track numbers below 128 take one byte.
  const track = data[0]! & 0x7f;
  const timeSec = Math.max(0, clusterTime + data.readInt16BE(1)) / MILLISECONDS;
  return { track, timeSec, data: data.subarray(4) };
}

function readHeader(head: Buffer): { id: number; headerLength: number; length: number } | undefined {
  const idLength = Math.clz32(head[0] ?? 0) - 23;
  if (head.length === 0) return undefined;
  if (idLength > 4) throw new Error('Not a Matroska stream.');
  const sizeLength = Math.clz32(head[idLength] ?? 0) - 23;
  if (head.length < idLength + 1 || head.length < idLength + sizeLength) return undefined;
  if (sizeLength > 8) throw new Error('Not a Matroska stream.');
  let id = 0;
  for (let i = 0; i < idLength; i += 1) id = id * 256 + head[i]!;
  let length = head[idLength]! & (0xff >> sizeLength);
  for (let i = 1; i < sizeLength; i += 1) length = length * 256 + head[idLength + i]!;
  return { id, headerLength: idLength + sizeLength, length };
}

/** Bytes in arrival order; joined only when something spans chunks. */
class ByteQueue {
  #chunks: Buffer[] = [];
  length = 0;

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.length += chunk.length;
  }

  /** Up to `count` bytes without taking them. */
  peek(count: number): Buffer {
    const first = this.#chunks[0];
    if (!first || first.length >= count) return (first ?? Buffer.alloc(0)).subarray(0, count);
    const parts: Buffer[] = [];
    let found = 0;
    for (const chunk of this.#chunks) {
      parts.push(chunk);
      found += chunk.length;
      if (found >= count) break;
    }
    return Buffer.concat(parts).subarray(0, count);
  }

  take(count: number): Buffer {
    const first = this.#chunks[0];
    const taken = first && first.length >= count ? first.subarray(0, count) : this.peek(count);
    this.drop(count);
    return taken;
  }

  /** @returns how many were there to drop */
  drop(count: number): number {
    let left = Math.min(count, this.length);
    const dropped = left;
    this.length -= dropped;
    while (left > 0) {
      const first = this.#chunks[0]!;
      if (first.length > left) {
        this.#chunks[0] = first.subarray(left);
        return dropped;
      }
      left -= first.length;
      this.#chunks.shift();
    }
    return dropped;
  }
}
