/** Ties the declared stages to their configuration and models, and puts them in the order in which they can run. */
import { createHash } from 'node:crypto';
import type { Config } from '../../shared/config.ts';
import type { ModelStore } from '../../shared/models/store.ts';
import type { AnyStage } from './stage.ts';

export interface BoundStage {
  stage: AnyStage;
  config: unknown;
  /** Hash of all that shapes the output but the video: version, models, options. */
  fingerprint: string;
  requires: string[];
  joins: string[];
}

/**
 * @param stages in any order; a stage may join one that is not there (it counts as absent), but not require it
 * @returns the stages so that each comes after those it needs
 * @throws Error when two have one name, a required one is missing, or they need each other
 */
export function bindStages(
  stages: readonly AnyStage[],
  config: Config,
  models: Pick<ModelStore, 'version'>,
): BoundStage[] {
  const byName = new Map(stages.map((stage) => [stage.name, stage]));
  if (byName.size !== stages.length) throw new Error('Two stages have the same name.');
  const ordered: AnyStage[] = [];
  const visiting = new Set<string>();
  const visit = (stage: AnyStage) => {
    if (ordered.includes(stage)) return;
    if (visiting.has(stage.name)) throw new Error(`Stage "${stage.name}" needs itself.`);
    visiting.add(stage.name);
    for (const need of Object.keys(stage.requires)) {
      const needed = byName.get(need);
      if (!needed) throw new Error(`Stage "${stage.name}" requires "${need}", which is not there.`);
      visit(needed);
    }
    for (const join of Object.keys(stage.joins)) {
      const joined = byName.get(join);
      if (joined) visit(joined);
    }
    ordered.push(stage);
  };
  stages.forEach(visit);
  return ordered.map((stage) => {
    const stageConfig = config.stages[stage.name] ?? stage.config.parse({});
    const fingerprint = digest({
      stage: stage.name,
      version: stage.version,
      models: (stage.models?.(stageConfig as never, config) ?? []).map((id) => models.version(id)),
      options: stage.keyConfig?.(stageConfig as never) ?? null,
    });
    return {
      stage,
      config: stageConfig,
      fingerprint,
      requires: Object.keys(stage.requires),
      joins: Object.keys(stage.joins).filter((name) => byName.has(name)),
    };
  });
}

/** SHA-256 (hexadecimal) of a value's JSON with sorted keys; `undefined` fields do not count. */
export function digest(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
