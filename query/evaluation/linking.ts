/** How often a question leads to the entity that it names, and how often to one that it does not. */
import { buildDictionary } from '../intent/dictionary.ts';
import { type EntityDictionary, entityKey } from '../intent/entities.ts';
import { round } from './evaluate.ts';
import type { Section } from './report.ts';
import type { EntitySet, Variant } from './sets/entities.ts';

export interface LinkingScores {
  questions: number;
  /** Share of the questions whose entity is linked. */
  linked: number;
  /** Share of what is linked that is right. */
  precision: number;
}

export interface LinkingResult {
  dataset: { name: string; checksum: string };
  entities: number;
  all: LinkingScores;
  variants: Record<string, LinkingScores>;
  strangers: {
    questions: number;
    /** Questions in which something is linked although they are about something else, by how it was taken to be named. */
    linkedByName: number;
    linkedByGuess: number;
  };
  /** A few that went wrong. */
  missed: { text: string; variant: Variant; wanted: string; linked: string[] }[];
}

const SHOWN = 30;

export function linkAll({ name, checksum, entities, questions, strangers }: EntitySet): LinkingResult {
  const dictionary = buildDictionary([], [], entities).entities;
  const outcomes = questions.map((question) => {
    const linked = dictionary.link(question.text).map(({ entity }) => entity);
    // Two films of one name are one entity; both are right for it.
    const right = linked.filter(
      ({ name: each, aliases, kind }) =>
        kind === question.kind &&
        [each, ...aliases].some((one) => entityKey(one) === entityKey(question.name)),
    );
    return { question, linked, right: right.length };
  });
  const scores = (own: typeof outcomes): LinkingScores => {
    const all = own.reduce((sum, { linked }) => sum + linked.length, 0);
    const right = own.reduce((sum, each) => sum + each.right, 0);
    return {
      questions: own.length,
      linked: round(own.filter((each) => each.right > 0).length / Math.max(1, own.length)),
      precision: round(right / Math.max(1, all)),
    };
  };
  const byVariant = Map.groupBy(outcomes, ({ question }) => question.variant);
  return {
    dataset: { name, checksum },
    entities: dictionary.entities.size,
    all: scores(outcomes),
    variants: Object.fromEntries([...byVariant].map(([variant, own]) => [variant, scores(own)])),
    strangers: linkStrangers(dictionary, strangers),
    missed: outcomes
      .filter(({ right }) => right === 0)
      .slice(0, SHOWN)
      .map(({ question: { text, variant, name: wanted }, linked }) => ({
        ...{ text, variant, wanted },
        linked: linked.map((each) => each.name),
      })),
  };
}

function linkStrangers(
  dictionary: EntityDictionary,
  strangers: readonly string[],
): LinkingResult['strangers'] {
  const links = strangers.map((text) => dictionary.link(text));
  const sure = (how: string) => how === 'name' || how === 'alias';
  return {
    questions: strangers.length,
    linkedByName: links.filter((own) => own.some(({ how }) => sure(how))).length,
    linkedByGuess: links.filter((own) => own.some(({ how }) => !sure(how))).length,
  };
}

export function linkingSections({
  dataset,
  entities,
  all,
  variants,
  strangers,
  missed,
}: LinkingResult): Section[] {
  const row = (name: string, { questions, linked, precision }: LinkingScores) => [
    name,
    String(questions),
    (linked * 100).toFixed(1),
    (precision * 100).toFixed(1),
  ];
  return [
    {
      title: 'Entity linking',
      text: [
        `${all.questions} questions about ${entities} films and people (labels ${dataset.checksum.slice(0, 12)}). Names and other titles are those that people use; the slips are made by rule.`,
        `Of ${strangers.questions} questions about something else, ${strangers.linkedByName} hold a name all the same, and in ${strangers.linkedByGuess} one is guessed.`,
      ],
      table: [
        ['named by', 'questions', 'linked', 'precision'],
        row('all', all),
        ...Object.entries(variants).map(([variant, own]) => row(variant, own)),
      ],
    },
    {
      title: 'Missed',
      table: [
        ['question', 'by', 'wanted', 'linked'],
        ...missed.map(({ text, variant, wanted, linked }) => [
          text,
          variant,
          wanted,
          linked.join(', ') || '–',
        ]),
      ],
    },
  ];
}
