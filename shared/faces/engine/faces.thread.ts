/** The thread in which the face models compute. */
import { ModelStore } from '../../models/store.ts';
import { serve } from '../../threads/serve.ts';
import { FaceAnalyser } from './analyser.ts';

export interface FaceThreadInit {
  modelsFolder: string;
}

/** What a ThreadClient may call. */
export type FaceThread = Pick<FaceAnalyser, 'detect' | 'describe' | 'analyse'> & { ready(): boolean };

serve<FaceThread>(async (init) => {
  const { modelsFolder } = init as FaceThreadInit;
  const analyser = await FaceAnalyser.load(new ModelStore(modelsFolder));
  return {
    ready: () => true,
    detect: (encoded, key, where) => analyser.detect(encoded, key, where),
    describe: (encoded, key, faces) => analyser.describe(encoded, key, faces),
    analyse: (encoded, thoroughness) => analyser.analyse(encoded, thoroughness),
  };
});
