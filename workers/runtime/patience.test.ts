import { expect, it } from 'vitest';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { patiently } from './patience.ts';

const away = () => new CinedexError('STORE_UNAVAILABLE', 'not there yet');

it('tries again while a store is away, and no longer than it should', async () => {
  let tries = 0;
  const comes = async () => {
    tries += 1;
    if (tries < 4) throw away();
    return 'there';
  };
  const waited: string[] = [];
  expect(await patiently(comes, { pauseMs: 1, onWait: ({ code }) => waited.push(code) })).toBe('there');
  expect(waited).toHaveLength(3);

  let now = 0;
  const never = async () => {
    now += 40;
    throw away();
  };
  const limited = patiently(never, { limitMs: 100, pauseMs: 1, now: () => now });
  await expect(limited).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(now).toBe(120);
});

it('does not repeat what failed for another reason', async () => {
  let tries = 0;
  const refused = async () => {
    tries += 1;
    throw new CinedexError('CONFIG_INVALID', 'wrong password');
  };
  await expect(patiently(refused)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(tries).toBe(1);
});
