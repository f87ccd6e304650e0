import { serve } from '../threads/serve.ts';
import { type DecodedSpeech, type MoonshineFiles, MoonshineModel } from './moonshine-model.ts';

export interface MoonshineThread {
  warmUp(): void;
  decode(samples: Float32Array): Promise<DecodedSpeech>;
}

serve<MoonshineThread>(async (init) => {
  const model = await MoonshineModel.load(init as MoonshineFiles);
  return {
    warmUp() {
      // Being here means that the model is loaded.
    },
    decode: (samples) => model.decode(samples),
  };
});
