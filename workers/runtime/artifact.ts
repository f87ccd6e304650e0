/** How a stage's result is kept in the artifact store: the output in an envelope that says whose it is. */
import { z } from 'zod';
import { CinedexError } from '../../shared/contracts/errors.ts';
import { formatZodError } from '../../shared/contracts/zod.ts';
import type { ArtifactStore } from '../../shared/ports/artifact-store.ts';

export const StoredArtifact = z.object({
  stage: z.string(),
  version: z.number(),
  tenant: z.string(),
  videoId: z.string(),
  status: z.enum(['done', 'partial']),
  missing: z.array(z.string()),
  output: z.unknown(),
});
export type StoredArtifact = z.infer<typeof StoredArtifact>;

export async function writeArtifact(
  store: ArtifactStore,
  key: string,
  artifact: StoredArtifact,
): Promise<void> {
  await store.putManifest(key, artifact);
}

/**
 * The artifact under a key, with its output parsed by the stage's contract.
 * Undefined when there is none or when it cannot be read: then it is made again.
 */
export async function readArtifact(
  store: ArtifactStore,
  key: string,
  contract: z.ZodType,
  onUnreadable: (error: CinedexError) => void,
): Promise<StoredArtifact | undefined> {
  try {
    const manifest = await store.getManifest(key);
    if (manifest === undefined) return undefined;
    const envelope = StoredArtifact.safeParse(manifest);
    if (!envelope.success) throw new CinedexError('ARTIFACT_CORRUPT', formatZodError(envelope.error));
    const output = contract.safeParse(envelope.data.output);
    if (!output.success) throw new CinedexError('ARTIFACT_CORRUPT', formatZodError(output.error));
    return { ...envelope.data, output: output.data };
  } catch (error) {
    if (error instanceof CinedexError && error.code === 'ARTIFACT_CORRUPT') {
      onUnreadable(error);
      return undefined;
    }
    throw error;
  }
}
