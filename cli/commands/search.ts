import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { describeAnswer } from '../describe.ts';
import type { Enter } from '../main.ts';
import { withData } from '../session.ts';

const EXAMPLE = `
Examples:
  cinedex search "how tides work"
  cinedex search 番茄炒蛋 --limit 3 --json
  cinedex search --image frame.jpg
  cinedex search --face somebody.jpg "on a boat"
  cinedex search --sound jingle.mp3
  cinedex search --like tides-1a2b3c4d`;

interface SearchOptions {
  limit: number;
  moments: number;
  image?: string;
  face?: string;
  sound?: string;
  like?: { video: string; moment?: string };
}

export function registerSearch(program: Command, enter: Enter): void {
  program
    .command('search')
    .summary('find videos, and the moments in them')
    .description(
      'Searches in English and Chinese: what is said, shown and seen, who appears, what it is about. Or by an example, or both.',
    )
    .argument('[text...]', 'what to look for')
    .option('--image <file>', 'a picture like those looked for (JPEG, PNG, WebP, GIF)')
    .option('--face <file>', 'a picture of who is looked for')
    .option('--sound <file>', 'a clip of what is heard; its first 60 seconds count')
    .option(
      '--like <video[#moment]>',
      'a video, or one of its moments by its id, that others should be like',
      like,
    )
    .option('--limit <number>', 'most videos in the answer', positive, 10)
    .option('--moments <number>', 'most moments of a video', positive, 3)
    .addHelpText('after', EXAMPLE)
    .action(async (words: string[], options: SearchOptions, command: Command) => {
      const session = enter(command);
      const { image, face, sound, ...rest } = options;
      // Another process may answer, which stands in another folder.
      const place = (file: string | undefined) => file && path.resolve(file);
      const files = { picture: place(image), face: place(face), sound: place(sound) };
      await withData(session, { work: false }, async ({ operations }) => {
        const text = words.join(' ');
        const answer = await operations.search({ tenant: session.tenant, text, files, ...rest });
        session.output.result(answer, describeAnswer);
      });
    });
}

/** A video's id may hold `#` too; a moment's is a UUID. */
function like(text: string): { video: string; moment?: string } {
  const [, video = '', moment] =
    /^(.*?)(?:#([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?$/.exec(text) ?? [];
  if (video === '') throw new InvalidArgumentError('It must be the id of a video.');
  return { video, ...(moment && { moment }) };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}
