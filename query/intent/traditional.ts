/** Chinese in simplified characters, whichever it was written in. OpenCC's tables (Apache-2.0), as the npm package opencc-js has them. */
import { Converter } from 'opencc-js/t2cn';
import { hasHan } from '../../shared/text/script.ts';

let converter: ((text: string) => string) | undefined;

/** Text without Chinese comes back as it is. */
export function simplified(text: string): string {
  if (!hasHan(text)) return text;
  const convert = converter ?? Converter({ from: 't', to: 'cn' });
  converter = convert;
  return convert(text);
}
