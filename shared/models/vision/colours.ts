/** What can honestly be said about a picture without a model: which basic colours it has, and how bright it is. */

/** The basic colour terms of English (Berlin and Kay 1969), as far as they can be told apart by hue and lightness. */
export const COLOUR_NAMES = [
  'black',
  'white',
  'gray',
  'red',
  'orange',
  'yellow',
  'green',
  'blue',
  'purple',
  'pink',
  'brown',
] as const;
export type ColourName = (typeof COLOUR_NAMES)[number];

export interface ColourReading {
  /** Share of the pixels in each colour, 0..1. */
  shares: Record<ColourName, number>;
  /** Mean luma (Rec. 601), 0..1. */
  brightness: number;
}

/** @param rgb pixels of three bytes each */
export function readColours(rgb: Uint8Array): ColourReading {
  const counts = Object.fromEntries(COLOUR_NAMES.map((name) => [name, 0])) as Record<ColourName, number>;
  let luma = 0;
  const pixels = Math.floor(rgb.length / 3);
  for (let offset = 0; offset + 2 < rgb.length; offset += 3) {
    const [red, green, blue] = [rgb[offset]! / 255, rgb[offset + 1]! / 255, rgb[offset + 2]! / 255];
    luma += 0.299 * red + 0.587 * green + 0.114 * blue;
    counts[nameColour(red, green, blue)] += 1;
  }
  for (const name of COLOUR_NAMES) counts[name] /= Math.max(1, pixels);
  return { shares: counts, brightness: luma / Math.max(1, pixels) };
}

/** @param red 0..1 */
export function nameColour(red: number, green: number, blue: number): ColourName {
  const high = Math.max(red, green, blue);
  const chroma = high - Math.min(red, green, blue);
  if (high < 0.16) return 'black';
  if (chroma < 0.12 * high + 0.03) return high > 0.85 ? 'white' : high < 0.25 ? 'black' : 'gray';
  const hue = hueDegrees(red, green, blue, high, chroma);
  const saturation = chroma / high;
  if (hue < 15 || hue >= 345) return high > 0.8 && saturation < 0.5 ? 'pink' : 'red';
  if (hue < 42) return high < 0.65 || saturation < 0.45 ? 'brown' : 'orange';
  if (hue < 68) return high < 0.4 ? 'brown' : 'yellow';
  if (hue < 170) return 'green';
  if (hue < 258) return 'blue';
  if (hue < 300) return 'purple';
  return 'pink';
}

function hueDegrees(red: number, green: number, blue: number, high: number, chroma: number): number {
  if (high === red) return (60 * ((green - blue) / chroma) + 360) % 360;
  if (high === green) return 60 * ((blue - red) / chroma) + 120;
  return 60 * ((red - green) / chroma) + 240;
}
