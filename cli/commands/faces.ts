import path from 'node:path';
import type { Command } from 'commander';
import type { Identity } from '../../shared/ports/identity-store.ts';
import type { Enter } from '../main.ts';
import { EXIT } from '../output.ts';
import { withData } from '../session.ts';

const EXAMPLE = `
Examples:
  cinedex faces enrol "Ada Lovelace" ada1.jpg ada2.jpg
  cinedex faces ls
  cinedex faces rename 3f2a… "Grace Hopper"
  cinedex faces merge 9b1c… "Grace Hopper"
  cinedex faces split "Grace Hopper" --exemplar 77aa… --name "Jean Bartik"`;

const REINDEX = 'Videos with this person are indexed anew by `cinedex up` (only their document stage).';

export function registerFaces(program: Command, enter: Enter): void {
  const faces = program
    .command('faces')
    .summary('the gallery of people')
    .description('Names people, so that searches find them. An identity is given by its id or its name.')
    .addHelpText('after', EXAMPLE);

  faces
    .command('enrol')
    .description('Adds pictures of a person, each showing one face clearly, under a name.')
    .argument('<name>')
    .argument('<pictures...>', 'JPEG, PNG or WebP')
    .addHelpText('after', '\nExample:\n  cinedex faces enrol "Ada Lovelace" ada1.jpg ada2.jpg')
    .action(async (name: string, pictures: string[], _: object, command: Command) => {
      const session = enter(command);
      const { tenant, output } = session;
      await withData(session, { work: false }, async ({ operations }) => {
        const paths = pictures.map((picture) => path.resolve(picture));
        const enrolment = await operations.enrolFace({ tenant, name, pictures: paths });
        output.result(enrolment, ({ identity, pictures: judged, absorbed, alike }) => [
          ...judged.map(({ picture, status, message }) => `${picture}: ${status}. ${message}`),
          identity ? `${identity.name} is ${identity.id}.` : 'No picture could be used; nothing was stored.',
          ...(absorbed.length > 0 ? [`Seen before, unnamed until now: ${absorbed.length}.`, REINDEX] : []),
          ...alike.map(({ name: other }) => `Looks like ${other}; merge them if they are one person.`),
        ]);
        if (!enrolment.identity) process.exitCode = EXIT.failed;
      });
    });

  faces
    .command('ls')
    .description('Lists everybody: named people first, then those who were only seen.')
    .option('--exemplars', 'with the id of each exemplar, as `split` wants them')
    .addHelpText('after', '\nExample:\n  cinedex faces ls --exemplars')
    .action(async (options: { exemplars?: boolean }, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const people = await operations.listFaces({ tenant: session.tenant });
        session.output.result(people, () =>
          people.length === 0
            ? ['Nobody yet. `cinedex faces enrol <name> <pictures>` adds somebody.']
            : people.flatMap(({ id, name, exemplars, videos, samples }) => [
                `${id}  ${(name ?? '(unnamed)').padEnd(24)} ${exemplars} exemplars, ${videos.length} videos`,
                ...(options.exemplars ? samples.map((sample) => `    ${sample.id}  ${sample.from}`) : []),
              ]),
        );
      });
    });

  const report = (session: ReturnType<Enter>, identity: Identity, words: string) =>
    session.output.result(identity, ({ id, name }) => [`${name ?? '(unnamed)'} (${id}) ${words}.`, REINDEX]);

  faces
    .command('merge')
    .description('Makes two identities one: all of <from> goes into <into>.')
    .argument('<from>', 'id or name')
    .argument('<into>', 'id or name')
    .addHelpText('after', '\nExample:\n  cinedex faces merge 9b1c… "Grace Hopper"')
    .action(async (from: string, into: string, _: object, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const merged = await operations.mergeFaces({ tenant: session.tenant, from, into });
        report(session, merged, `now includes ${from}`);
      });
    });

  faces
    .command('split')
    .description('Takes exemplars out of an identity, into a new one.')
    .argument('<identity>', 'id or name')
    .requiredOption('--exemplar <id...>', 'ids from `faces ls --exemplars`')
    .option('--name <name>', 'of the new identity')
    .addHelpText(
      'after',
      '\nExample:\n  cinedex faces split "Grace Hopper" --exemplar 77aa… --name "Jean Bartik"',
    )
    .action(async (identity: string, options: { exemplar: string[]; name?: string }, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const request = { identity, exemplars: options.exemplar, name: options.name ?? null };
        const part = await operations.splitFace({ tenant: session.tenant, ...request });
        report(session, part, `was taken out of ${identity}`);
      });
    });

  faces
    .command('rename')
    .description('Gives an identity a name, or another one.')
    .argument('<identity>', 'id or name')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  cinedex faces rename 3f2a… "Grace Hopper"')
    .action(async (identity: string, name: string, _: object, command: Command) => {
      const session = enter(command);
      await withData(session, { work: false }, async ({ operations }) => {
        const renamed = await operations.renameFace({ tenant: session.tenant, identity, name });
        report(session, renamed, `was ${identity}`);
      });
    });
}
