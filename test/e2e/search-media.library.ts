/**
 * Four videos of a library that has something at known times in each: scenes, captions, people, speech. They are put together
 * out of the labelled real media, because most of it has one shot only, and a moment is to be told from others.
 */
import path from 'node:path';
import { ffmpeg } from '../fixtures/media.ts';

/** What is seen from when on, in scenes.mp4. */
export const SCENES = [
  { file: '01_dog.mp4', from: 1, startSec: 0, endSec: 5 },
  { file: 'car-detection.mp4', from: 4, startSec: 5, endSec: 10 },
  { file: '04_coffee.mp4', from: 2, startSec: 10, endSec: 15 },
  { file: 'cockatoo.mp4', from: 1, startSec: 15, endSec: 20 },
] as const;

/** What can be read from when on, in captions.mp4. */
export const CAPTIONS = ['001_sub_en_1', '012_sub_zh_3', '005_sub_en_5', '010_sub_zh_1'] as const;
export const CAPTION_SEC = 3;

/** Who is on the screen from when on, in people.mp4; the pictures are others than those enrolled and those asked with. */
export const PEOPLE = ['Colin_Powell', 'Tony_Blair', 'Hugo_Chavez'] as const;
export const PERSON_SEC = 4;

const SIZE = '640:360';
const ENCODED = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-pix_fmt', 'yuv420p'];

/** @returns the files by their names */
export async function makeLibrary(data: string, folder: string): Promise<string[]> {
  const file = (name: string) => path.join(folder, name);
  const scenes = SCENES.flatMap(({ file: name, from, startSec, endSec }) => [
    ...['-ss', String(from), '-t', String(endSec - startSec)],
    ...['-i', path.join(data, 'videos', name)],
  ]);
  const fitted = `scale=${SIZE}:force_original_aspect_ratio=decrease,pad=${SIZE}:-1:-1,setsar=1,fps=25,format=yuv420p`;
  const joined = (count: number, each: string) =>
    `${Array.from({ length: count }, (_, i) => `[${i}:v]${each}[v${i}]`).join(';')};${Array.from(
      { length: count },
      (_, i) => `[v${i}]`,
    ).join('')}concat=n=${count}[out]`;
  const made = async (name: string, inputs: string[], count: number, each: string) => {
    await ffmpeg([
      ...inputs,
      '-filter_complex',
      joined(count, each),
      '-map',
      '[out]',
      ...ENCODED,
      file(name),
    ]);
    return file(name);
  };
  const stills = (pictures: string[], seconds: number) =>
    pictures.flatMap((picture) => ['-loop', '1', '-framerate', '25', '-t', String(seconds), '-i', picture]);
  return [
    await made('scenes.mp4', scenes, SCENES.length, fitted),
    await made(
      'captions.mp4',
      stills(
        CAPTIONS.map((name) => path.join(data, 'ocr_frames', `${name}.jpg`)),
        CAPTION_SEC,
      ),
      CAPTIONS.length,
      'setsar=1,format=yuv420p',
    ),
    await made(
      'people.mp4',
      stills(
        PEOPLE.map((name) => portrait(data, name, 3)),
        PERSON_SEC,
      ),
      PEOPLE.length,
      fitted,
    ),
    path.join(data, 'videos', 'manifesto.mp4'),
  ];
}

export function portrait(data: string, person: string, number: number): string {
  return path.join(data, 'faces', 'lfw', person, `${person}_${String(number).padStart(4, '0')}.jpg`);
}
