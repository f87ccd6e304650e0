import { type Command, Option } from 'commander';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { listModels, type ModelState, pullModels, verifyModels } from '../../shared/models/pull.ts';
import { ModelStore, PROFILES, type Profile } from '../../shared/models/store.ts';
import type { Enter } from '../main.ts';
import { byteCount, EXIT } from '../output.ts';

const HUB = 'https://huggingface.co';

interface Selection {
  profile?: Profile;
}
const profileOption = () =>
  new Option('--profile <name>', 'only the models of a profile').choices([...PROFILES]);

export function registerModels(program: Command, enter: Enter): void {
  const models = program
    .command('models')
    .summary('the weights: list, pull, verify')
    .description('Shows, fetches and checks the models that the stages use.')
    .addHelpText(
      'after',
      '\nExamples:\n  cinedex models ls\n  cinedex models pull --profile standard\n  cinedex models verify',
    );

  models
    .command('ls')
    .description('Lists the models, their licences, and whether they are here.')
    .addOption(profileOption())
    .addHelpText('after', '\nExample:\n  cinedex models ls --profile bundled')
    .action(async (selection: Selection, command: Command) => {
      const { config, output } = enter(command);
      output.result(await listModels(new ModelStore(config.core.modelsDir), selection), describeModels);
    });

  models
    .command('pull')
    .description(
      'Fetches models that are not here yet, and checks their checksums. Continues a broken download.',
    )
    .argument('[models...]', 'ids; without any, those of the profile in use')
    .addOption(profileOption())
    .option('--force', 'fetch again what is here')
    .option('--hub <address>', 'address of the model hub or of a mirror', HUB)
    .addHelpText('after', '\nExample:\n  cinedex models pull --profile standard')
    .action(
      async (ids: string[], options: Selection & { force?: boolean; hub: string }, command: Command) => {
        const { config, output, signal } = enter(command);
        const store = new ModelStore(config.core.modelsDir);
        const profile = options.profile ?? (ids.length > 0 ? undefined : config.core.profile);
        const bar = output.progress('Pulling');
        let announced = '';
        const pulled = await pullModels(store, {
          ids,
          profile,
          force: options.force,
          hubUrl: options.hub,
          signal,
          onProgress: ({ model, file, received, total }) => {
            // The bar is for whoever watches; that something is fetched at all is said in any case.
            if (model !== announced) process.stderr.write(`Fetching model ${model} …\n`);
            announced = model;
            bar.update(received, total ?? received, `${model}/${file}`);
          },
        }).finally(() => bar.stop());
        const fetched = pulled.filter((model) => model.fetched.length > 0);
        if (command.optsWithGlobals<{ quiet?: boolean }>().quiet && fetched.length === 0) return;
        output.result(pulled, () => [
          ...fetched.map(
            ({ id, version, fetched: files }) => `${id}@${version}: fetched ${files.join(', ')}`,
          ),
          `${pulled.length} model${pulled.length === 1 ? ' is' : 's are'} here.`,
        ]);
      },
    );

  models
    .command('verify')
    .description('Reads every file and compares its checksum.')
    .addOption(profileOption())
    .addHelpText('after', '\nExample:\n  cinedex models verify --profile bundled')
    .action(async (options: Selection, command: Command) => {
      const { config, output } = enter(command);
      const profile = options.profile ?? config.core.profile;
      const states = await verifyModels(new ModelStore(config.core.modelsDir), { profile });
      output.result(states, describeModels);
      const bad = states.filter(({ state }) => state !== 'present');
      if (bad.some(({ state }) => state === 'corrupt')) {
        throw new CinedexError('MODEL_CORRUPT', `Not as published: ${bad.map(({ id }) => id).join(', ')}.`);
      }
      if (bad.length > 0) process.exitCode = EXIT.failed;
    });
}

export function describeModels(states: readonly ModelState[]): string[] {
  const width = Math.max(...states.map(({ id }) => id.length));
  return states.flatMap(({ id, state, profiles, licence, bytes, task, problems }) => [
    `${id.padEnd(width)}  ${state.padEnd(7)} ${(bytes === null ? '' : byteCount(bytes)).padStart(7)}  ${profiles.join(',')}  ${task}  ${licence}`,
    ...(state === 'corrupt' ? problems.map(({ reason }) => `    ${reason}`) : []),
  ]);
}
