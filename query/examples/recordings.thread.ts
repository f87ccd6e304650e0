/** Comparing with a hundred recordings takes a second: too long for a process that answers others meanwhile. */
import { serve } from '../../shared/threads/serve.ts';
import { type PieceOf, pieceOf } from './recordings.ts';

const thread = {
  piecesOf: (clip: Uint32Array, recordings: readonly Uint32Array[]): (PieceOf | null)[] =>
    recordings.map((recording) => pieceOf(clip, recording)),
};

export type RecordingsThread = typeof thread;

serve(async () => thread);
