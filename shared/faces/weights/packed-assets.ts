import { CinedexError } from '../../contracts/errors.ts';

/**
 * Cuts a file out of an Emscripten asset pack, where many files lie one behind the other in one blob and the loader
 * script holds the table of their names and places.
 * @param loader text of `…_packed_assets_loader.js`
 * @param pack bytes of `…_packed_assets.data`
 * @param suffix end of the file's name in the pack
 * @throws CinedexError MODEL_CORRUPT when the table or the file cannot be found
 */
export function unpackAsset(loader: string, pack: Uint8Array, suffix: string): Uint8Array {
  const table = /loadPackage\((\{"files".*?\})\)/s.exec(loader)?.[1];
  if (!table)
    throw new CinedexError('MODEL_CORRUPT', 'The loader of the asset pack holds no table of files.');
  const { files } = JSON.parse(table) as { files: { filename: string; start: number; end: number }[] };
  const file = files.find(({ filename }) => filename.endsWith(suffix));
  if (!file || file.end > pack.length) {
    throw new CinedexError('MODEL_CORRUPT', `The asset pack holds no whole "${suffix}".`);
  }
  return pack.subarray(file.start, file.end);
}
