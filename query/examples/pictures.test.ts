import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { LARGEST_PICTURE_BYTES, openPicture } from './pictures.ts';

const picture = (width = 64, height = 48, background = '#336699') =>
  sharp({ create: { width, height, channels: 3, background } });

async function pixel(png: Buffer, left: number, top: number): Promise<number[]> {
  const { data } = await sharp(png)
    .extract({ left, top, width: 1, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [...data];
}

/** A greyscale PNG of that size by its header; of its rows only a few are there. */
function pngOf(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const named = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc((width + 1) * 2));
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('a picture that somebody asks with', () => {
  it.each(['jpeg', 'png', 'webp', 'gif'] as const)('may be a %s', async (format) => {
    const opened = await openPicture(await picture()[format]().toBuffer());
    expect(await sharp(opened).metadata()).toMatchObject({
      format: 'png',
      width: 64,
      height: 48,
      channels: 3,
    });
  });

  it('is turned upright, made small, and freed of transparency', async () => {
    const turned = await picture(2_000, 100).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await sharp(await openPicture(turned)).metadata()).toMatchObject({ width: 64, height: 1_280 });
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#0000' } })
      .png()
      .toBuffer();
    expect(await pixel(await openPicture(clear), 4, 4)).toEqual([128, 128, 128]);
  });

  it('gives only the first of a moving GIF', async () => {
    const frames = await Promise.all(
      ['#ff0000', '#0000ff'].map((each) => picture(16, 16, each).raw().toBuffer()),
    );
    const moving = await sharp(Buffer.concat(frames), {
      raw: { width: 16, height: 32, channels: 3, pageHeight: 16 },
    })
      .gif({ delay: [100, 100] })
      .toBuffer();
    const opened = await openPicture(moving);
    expect(await sharp(opened).metadata()).toMatchObject({ width: 16, height: 16 });
    expect((await pixel(opened, 8, 8))[0]).toBeGreaterThan(200);
  });

  it.each([
    ['text', Buffer.from('no picture at all')],
    [
      'an SVG',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/hostname"/></svg>'),
    ],
    ['an archive', Buffer.from('PK\x03\x04 and what follows')],
    ['a TIFF', Buffer.from('II*\0aaaaaaaaaaaaaaa')],
  ])('is not %s', async (_, bytes) => {
    await expect(openPicture(bytes)).rejects.toMatchObject({ code: 'MEDIA_UNSUPPORTED' });
  });

  it('is not what it only begins like', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    const disguised = Buffer.concat([Buffer.from('\xff\xd8\xff', 'latin1'), svg]);
    await expect(openPicture(disguised)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' });
    const whole = await picture(320, 240).jpeg().toBuffer();
    await expect(openPicture(whole.subarray(0, whole.length / 2))).rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
    });
    await expect(openPicture(new Uint8Array())).rejects.toMatchObject({ code: 'MEDIA_EMPTY' });
  });

  it('has limits that are known before anything is decoded', async () => {
    const bomb = pngOf(60_000, 60_000);
    expect(bomb.length).toBeLessThan(1_000);
    const started = performance.now();
    await expect(openPicture(bomb)).rejects.toMatchObject({ code: 'MEDIA_LIMIT' });
    expect(performance.now() - started).toBeLessThan(1_000);
    const long = new Uint8Array(LARGEST_PICTURE_BYTES + 1);
    long.set([0xff, 0xd8, 0xff]);
    await expect(openPicture(long)).rejects.toMatchObject({ code: 'MEDIA_LIMIT' });
  });
});
