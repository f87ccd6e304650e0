/** What the deployment suites share: the files, read as their tools read them, and what the code says they must agree with. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { describeConfig, loadConfig } from '../../shared/config.ts';
import { STAGES, stageSections } from '../../workers/stages.ts';
import { REMOVED } from '../fixtures/stages.ts';

export const root = path.resolve(import.meta.dirname, '../..');
export const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
/** With merge keys (`<<`), as Compose has them. */
export const readYaml = (file: string): unknown => parse(read(file), { merge: true });
export const readYamlDocuments = (file: string): unknown[] =>
  parseAllDocuments(read(file)).map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS() as unknown;
  });

const STAGE_NAMES = STAGES.map(({ name }) => name);
const KNOWN_KEYS = new Set(describeConfig(stageSections()).map(({ name }) => name));

/** Names of variables whose values are nobody's business. */
export const SECRET = /PASSWORD|SECRET|TOKEN|API_KEY|ACCESS_KEY|REDISCLI_AUTH/;

/** A version that cannot move to another minor release: `v1.2.3`, `4.48`, `24.21.0-bookworm-slim`. */
export const isPinned = (image: string): boolean =>
  /^[a-z0-9./_-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)*$/.test(image);

/** What is wrong with environment variables for a process of ours. */
export function environmentProblems(environment: Record<string, string>, where: string): string[] {
  const ours = Object.fromEntries(
    Object.entries(environment).filter(([name]) => name.startsWith('CINEDEX_')),
  );
  const unknown = Object.keys(ours).filter((name) => !KNOWN_KEYS.has(name));
  if (unknown.length > 0) return unknown.map((name) => `${where}: no key ${name}`);
  try {
    loadConfig(ours, stageSections());
    return [];
  } catch (error) {
    return [`${where}: ${(error as Error).message}`];
  }
}

/** What is wrong with the arguments of workers: all stages once, one group with intake. */
export function workerProblems(workers: Record<string, readonly string[]>): string[] {
  const stages = Object.values(workers)
    .flatMap((args) => (args[args.indexOf('--stages') + 1] ?? '').split(','))
    .filter((name) => !REMOVED.includes(name));
  const intake = Object.values(workers).filter((args) => !args.includes('--no-intake'));
  return [
    ...(stages.toSorted().join() === STAGE_NAMES.toSorted().join() ? [] : [`stages are ${stages.join()}`]),
    ...(intake.length === 1 ? [] : [`${intake.length} groups take events in`]),
  ];
}

/** `90s`, `2m` in seconds. */
export function seconds(duration: string): number {
  const [, amount, unit] = /^(\d+)(s|m|h)$/.exec(duration) ?? [];
  if (!amount) throw new Error(`"${duration}" is no duration.`);
  return Number(amount) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h'];
}
