/**
 * Draws captions/*.png, which are kept in the repository so that a machine without fonts can make the samples. Needs
 * DejaVu Sans and Noto Sans CJK SC on this machine. `node cli/samples/render-captions.ts`
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { CAPTION_TEXTS } from './clips.ts';

const folder = path.join(import.meta.dirname, 'captions');
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(CAPTION_TEXTS)) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="854" height="64"><text x="427" y="46" font-size="38"
    font-weight="bold" font-family="Noto Sans CJK SC, DejaVu Sans" text-anchor="middle" fill="#fff" stroke="#000"
    stroke-width="6" stroke-linejoin="round" paint-order="stroke">${text}</text></svg>`;
  await sharp(Buffer.from(svg))
    .trim()
    .png({ palette: true, colours: 16 })
    .toFile(path.join(folder, `${name}.png`));
}
