/** A minute-long subtitled sequence over a background that moves, drawn here, and what following it costs. */
import sharp from 'sharp';
import { pyramidOf } from '../engine/crop.ts';
import { decodePicture } from '../engine/picture.ts';
import type { Pixels, TextDetector, TextRecogniser } from '../engine/types.ts';
import { similarity } from '../tracking/readings.ts';
import { TextTracker } from '../tracking/tracker.ts';
import { visionEye } from '../tracking/vision.ts';

const WIDTH = 1280;
const HEIGHT = 720;
const FPS = 4;
const SECONDS = 24;

const CUES = [
  { startSec: 1, endSec: 4, text: 'We should leave before it rains.' },
  { startSec: 4.5, endSec: 7.5, text: '他们明天早上就会到达车站' },
  { startSec: 9, endSec: 11, text: 'Nobody told me about the second key.' },
  { startSec: 11, endSec: 14, text: 'It was under the flower pot.' },
  { startSec: 16, endSec: 19.5, text: '我把所有的信都寄出去了' },
  { startSec: 20, endSec: 23, text: 'Chapter seven begins here' },
];

/** Four octaves of moving noise and a few drifting shapes: edges everywhere, none of them letters. */
function background(second: number): Pixels {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  const shift = second * 55;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const u = x + shift;
      const wave =
        Math.sin(u / 61) * Math.cos(y / 47) * 50 +
        Math.sin((u + 2 * y) / 23) * 22 +
        Math.sin((2 * u - y) / 9 + Math.sin(y / 31)) * 12;
      const block = ((((u / 160) | 0) * 7 + ((y / 120) | 0) * 13) % 5) * 14;
      const i = (y * WIDTH + x) * 3;
      data[i] = 95 + wave + block;
      data[i + 1] = 90 + wave * 0.8 + block;
      data[i + 2] = 100 + wave * 0.5;
    }
  }
  return { data, width: WIDTH, height: HEIGHT };
}

async function subtitle(text: string): Promise<Buffer> {
  const escaped = text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"><text x="50%" y="660" font-size="46"
    font-family="sans-serif" text-anchor="middle" fill="white" stroke="black" stroke-width="4" paint-order="stroke">${escaped}</text></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** @returns CPU milliseconds a picture (decoding it included), read on every picture and with the gate, and the cues found */
export async function subtitledSequence(detector: TextDetector, recogniser: TextRecogniser) {
  const overlays = await Promise.all(CUES.map(({ text }) => subtitle(text)));
  const tracker = new TextTracker(visionEye(detector, recogniser), { minConfidence: 0.6 });
  let gatedMs = 0;
  let everyMs = 0;
  for (let index = 0; index < SECONDS * FPS; index++) {
    const timeSec = index / FPS;
    const { data } = background(timeSec);
    const cue = CUES.findIndex(({ startSec, endSec }) => timeSec >= startSec && timeSec < endSec);
    const raw = { width: WIDTH, height: HEIGHT, channels: 3 as const };
    let image = sharp(data, { raw });
    if (cue >= 0) image = image.composite([{ input: overlays[cue]! }]);
    // Through a JPEG, as pictures come in reality.
    const jpeg = await image.jpeg({ quality: 85 }).toBuffer();
    everyMs += await cpuMs(async () => {
      const picture = await decodePicture(jpeg);
      const found = await detector.detect(picture);
      await recogniser.recognise(
        picture,
        found.map(({ quad }) => quad),
      );
    });
    gatedMs += await cpuMs(async () =>
      tracker.see({ times: [{ timeSec, shot: 0 }], untilSec: timeSec + 1 / FPS, identity: index }, async () =>
        pyramidOf(await decodePicture(jpeg)),
      ),
    );
  }
  const pictures = SECONDS * FPS;
  const lines = await tracker.finish();
  const { looked, detected, recognised } = tracker;
  const found = CUES.map((cue) =>
    lines.find((line) => line.startSec < cue.endSec && similarity(line.text, cue.text) >= 0.9),
  );
  const lags = CUES.flatMap((cue, index) => {
    const line = found[index];
    return line ? [Math.abs(line.startSec - cue.startSec), Math.abs(line.endSec - cue.endSec)] : [];
  });
  return {
    pictures,
    everyPictureCpuMs: round(everyMs / pictures),
    gatedCpuMs: round(gatedMs / pictures),
    gatedOverEvery: round(gatedMs / everyMs, 100),
    looked,
    detected,
    recognised,
    cues: CUES.length,
    cuesFound: found.filter(Boolean).length,
    linesInAll: lines.length,
    worstTimeErrorSec: Math.max(...lags),
  };
}

async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function round(value: number, per = 10): number {
  return Math.round(value * per) / per;
}
