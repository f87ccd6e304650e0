/** Which generation of the index this process writes to, made by the models it runs with, and when searches see it. */
import { considerActivation } from '../../shared/index/activation.ts';
import { indexModels } from '../../shared/index/generation.ts';
import { collectionSchemas, generationName } from '../../shared/index/schema.ts';
import type { Ledger } from '../../shared/ports/ledger.ts';
import type { Services } from '../runtime/stage.ts';

/** Between two looks at a generation that is being built; a look that took long is repeated less often. */
const LOOK_EVERY_MS = 10_000;
const LOOK_SHARE = 0.02;

export interface OpenGeneration {
  name: string;
  /**
   * Switches searches over once the generation is whole. Does nothing when they saw it at the start: a process that runs on
   * with older models while newer ones are rolled out must not switch back.
   */
  considerActivation(ledger: Ledger): Promise<void>;
}

/** Makes the generation where it is missing. The first one is what searches see at once; a later one is built beside it. */
export async function openGeneration(
  services: Pick<Services, 'index' | 'encoders' | 'models' | 'logger'>,
  now: () => number = Date.now,
): Promise<OpenGeneration> {
  const { index, logger } = services;
  const models = indexModels(services);
  const name = generationName(models);
  await index.ensureGeneration(name, collectionSchemas(models));
  const active = await index.active();
  if (active === null) await index.activate(name);
  let waits = active !== null && active !== name;
  if (waits) {
    logger.warn(
      { active, generation: name },
      'searches see another generation until this one is whole; `cinedex backfill --rebuild-index` fills it',
    );
  }
  let nextLook = 0;
  return {
    name,
    async considerActivation(ledger) {
      if (!waits || now() < nextLook) return;
      const started = now();
      const { activate, reasons } = await considerActivation({ index, ledger }, name);
      nextLook = now() + Math.max(LOOK_EVERY_MS, (now() - started) / LOOK_SHARE);
      if (activate) logger.info({ generation: name, before: active }, 'searches see the new generation');
      else logger.debug({ generation: name, reasons }, 'the new generation is not whole yet');
      waits = !activate;
    },
  };
}
