/** Kinds of values that configuration keys have. */
import { z } from 'zod';

/** `true|yes|on|1` or `false|no|off|0`; anything else is refused (`Boolean("false")` is true). */
export const booleanWord = z.union([z.boolean(), z.string()]).transform((value, context) => {
  if (typeof value === 'boolean') return value;
  if (/^(true|yes|on|1)$/i.test(value)) return true;
  if (/^(false|no|off|0)$/i.test(value)) return false;
  context.addIssue({ code: 'custom', message: 'expected true/yes/on/1 or false/no/off/0' });
  return z.NEVER;
});

/** A list separated by commas; blanks around an entry are dropped. */
export const commaList = z
  .union([z.array(z.string()), z.string()])
  .transform((value) =>
    (typeof value === 'string' ? value.split(',') : value).map((entry) => entry.trim()).filter(Boolean),
  );

/** A whole number from text, within limits. */
export const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
