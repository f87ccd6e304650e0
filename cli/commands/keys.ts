/** API keys of the search service: files of hashes, so that nobody can read a key out of them, us included. */
import { type Command, InvalidArgumentError } from 'commander';
import { createKey, listKeys, revokeKey, SCOPES, Scope } from '../../query/api/keys.ts';
import type { Enter } from '../main.ts';

const EXAMPLE = `
Examples:
  cinedex keys create --name "search page"                      for searching the videos of CINEDEX_TENANT
  cinedex keys create --name uploads --tenant film --scopes ingest
  cinedex keys ls
  cinedex keys revoke 0f3a9c21d07e

Scopes: search (ask and look), ingest (announce videos by https), admin (both, files of the server, metrics). With a first
key the service asks everybody for one, a running service too. The keys are kept in CINEDEX_QUERY_KEYS_FILE.`;

function scopesOf(text: string): Scope[] {
  const scopes = text.split(',').map((each) => Scope.safeParse(each.trim()));
  const known = scopes.flatMap(({ data }) => data ?? []);
  if (known.length < scopes.length) throw new InvalidArgumentError(`Scopes are ${SCOPES.join(', ')}.`);
  return [...new Set(known)];
}

export function registerKeys(program: Command, enter: Enter): void {
  const keys = program
    .command('keys')
    .summary('API keys of the search service')
    .description('Makes, lists and revokes the keys of those who may ask the search service.')
    .addHelpText('after', EXAMPLE);

  keys
    .command('create')
    .summary('make a key; it is shown once')
    .requiredOption('--name <name>', 'what it is for, to tell it from others')
    .option('--scopes <list>', `of ${SCOPES.join(', ')}; separated by commas`, scopesOf, ['search'])
    .action(async ({ name, scopes }: { name: string; scopes: Scope[] }, command: Command) => {
      const { config, tenant, output } = enter(command);
      const { key, record } = await createKey(config.query.keysFile, { tenant, scopes, name });
      output.result({ key, id: record.id, tenant, scopes }, () => [
        key,
        `It is shown this once. Tenant: ${tenant}. Scopes: ${scopes.join(', ')}. File: ${config.query.keysFile}`,
      ]);
    });

  keys
    .command('ls')
    .summary('the keys that there are, without their secrets')
    .action(async (_: object, command: Command) => {
      const { config, output } = enter(command);
      const known = (await listKeys(config.query.keysFile)).map(({ sha256: _hash, ...key }) => key);
      output.result(known, () =>
        known.length === 0
          ? [`No keys. The search service is open to this machine only.`]
          : known.map(
              ({ id, name, tenant, scopes, createdAt, revokedAt }) =>
                `${id}  ${tenant.padEnd(12)} ${scopes.join(',').padEnd(20)} ${createdAt.slice(0, 10)}  ${name}${revokedAt ? `  (revoked ${revokedAt.slice(0, 10)})` : ''}`,
            ),
      );
    });

  keys
    .command('revoke')
    .summary('refuse a key from now on')
    .argument('<id>', 'as `keys ls` shows it')
    .action(async (id: string, _: object, command: Command) => {
      const { config, output } = enter(command);
      const { name, revokedAt } = await revokeKey(config.query.keysFile, id);
      output.result({ id, name, revokedAt }, () => [`Revoked: ${id} (${name}).`]);
    });
}
