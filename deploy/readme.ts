/** The tables of README.md that follow from the code. */
import { describeConfig } from '../shared/config.ts';
import { loadManifests } from '../shared/models/store.ts';
import { stageSections } from '../workers/stages.ts';

const cell = (text: string) => text.replaceAll('\n', ' ');

/** Markdown between the markers `<!-- name:begin -->` and `<!-- name:end -->`, by name. */
export function readmeSections(): Record<'configuration' | 'models', string> {
  const keys = describeConfig(stageSections()).map(
    ({ name, fallback, meaning, allowed }) =>
      `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${cell(meaning)}${allowed ? ` (${allowed})` : ''} |`,
  );
  const models = [...loadManifests()].map(
    ([id, { version, task, profiles, licence, provenance }]) =>
      `| \`${id}\` ${version} | ${task} | ${profiles.join(', ')} | ${licence} | ${cell(provenance)} |`,
  );
  return {
    configuration: ['| key | default | meaning |', '| --- | --- | --- |', ...keys].join('\n'),
    models: [
      '| model | for | profiles | licence | from |',
      '| --- | --- | --- | --- | --- |',
      ...models,
    ].join('\n'),
  };
}

/** The README with its tables renewed. @throws Error when a marker is missing */
export function renewReadme(readme: string): string {
  let renewed = readme;
  for (const [name, text] of Object.entries(readmeSections())) {
    const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
    const [from, to] = [renewed.indexOf(begin), renewed.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}.`);
    renewed = `${renewed.slice(0, from + begin.length)}\n${text}\n${renewed.slice(to)}`;
  }
  return renewed;
}
