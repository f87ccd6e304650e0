/** A model in the layout of the Hugging Face hub, read from a local folder, in a thread of its own. */
import { readFileSync } from 'node:fs';
import {
  AutoImageProcessor,
  AutoModel,
  AutoTokenizer,
  CLIPTextModelWithProjection,
  CLIPVisionModelWithProjection,
  env,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  RawImage,
  type Tensor,
} from '@huggingface/transformers';
import sharp from 'sharp';
import { CinedexError } from '../../contracts/errors.ts';
import { hasHan } from '../../text/script.ts';
import { serve } from '../../threads/serve.ts';
import { ChineseGloss, readDictionary } from '../text/gloss.ts';

export interface TransformersInit {
  /** Folder of all models, and the model's place in it. */
  root: string;
  model: string;
  kind: 'sentence' | 'clip' | 'chinese-clip';
  /** For sentences: how the vectors of a text's tokens become one. */
  pooling: 'mean' | 'first';
  /** File of CC-CEDICT for a model that reads no Chinese. */
  dictionary: string | null;
}

export interface TransformersThread {
  /** @returns the vectors one after the other, not normalised */
  encodeTexts(texts: string[]): Promise<Float32Array>;
  encodePictures(pictures: Uint8Array[]): Promise<Float32Array>;
  ready(): void;
}

const MAX_PIXELS = 100_000_000;

type Load = Parameters<typeof AutoModel.from_pretrained>[1];
type Outputs = Record<string, Tensor>;

serve<TransformersThread>(async (data) => {
  const init = data as TransformersInit;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.useFSCache = false;
  env.localModelPath = init.root;
  sharp.concurrency(1);
  const options: Load = {
    local_files_only: true,
    dtype: 'q8',
    session_options: { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
  };
  const tokenizer = await AutoTokenizer.from_pretrained(init.model, { local_files_only: true });
  const model = await loadModel(init, options, tokenizer);
  const dictionary = init.dictionary;
  let chinese: ChineseGloss | undefined;
  const readable = (text: string) => {
    if (dictionary === null || !hasHan(text)) return text;
    chinese ??= ChineseGloss.from(readDictionary(readFileSync(dictionary, 'utf8')));
    return chinese.gloss(text);
  };
  return {
    ready: () => undefined,
    encodeTexts: (texts) => model.texts(texts.map(readable)),
    encodePictures: (pictures) => model.pictures(pictures),
  };
});

interface LoadedModel {
  texts(texts: string[]): Promise<Float32Array>;
  pictures(pictures: Uint8Array[]): Promise<Float32Array>;
}

async function loadModel(
  { model, kind, pooling }: TransformersInit,
  options: Load,
  tokenizer: PreTrainedTokenizer,
): Promise<LoadedModel> {
  const tokens = (texts: string[]) =>
    tokenizer(texts, { padding: true, truncation: true }) as unknown as Record<string, Tensor>;
  if (kind === 'sentence') {
    const encoder = await AutoModel.from_pretrained(model, options);
    return {
      texts: async (texts) => {
        const inputs = tokens(texts);
        const { last_hidden_state: states } = (await encoder(inputs)) as Outputs;
        return pool(states!, inputs.attention_mask!, pooling);
      },
      pictures: async () => {
        throw new CinedexError('MODEL_CORRUPT', `${model} encodes no pictures.`);
      },
    };
  }
  const processor = await AutoImageProcessor.from_pretrained(model, { local_files_only: true });
  const pixels = async (pictures: Uint8Array[]) =>
    (await processor(await Promise.all(pictures.map(decode)))) as unknown as { pixel_values: Tensor };
  if (kind === 'clip') {
    const text: PreTrainedModel = await CLIPTextModelWithProjection.from_pretrained(model, options);
    const vision: PreTrainedModel = await CLIPVisionModelWithProjection.from_pretrained(model, options);
    return {
      texts: async (texts) => floats((await text(tokens(texts))) as Outputs, 'text_embeds'),
      pictures: async (pictures) => floats((await vision(await pixels(pictures))) as Outputs, 'image_embeds'),
    };
  }
  // Chinese-CLIP is exported as one graph with both towers, so each call must fill the other tower's input.
  const joint = await AutoModel.from_pretrained(model, options);
  const blank = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
    .png()
    .toBuffer();
  const blankPixels = (await pixels([blank])).pixel_values;
  return {
    texts: async (texts) =>
      floats((await joint({ ...tokens(texts), pixel_values: blankPixels })) as Outputs, 'text_embeds'),
    pictures: async (pictures) =>
      floats((await joint({ ...tokens(['图']), ...(await pixels(pictures)) })) as Outputs, 'image_embeds'),
  };
}

function floats(outputs: Outputs, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new CinedexError('MODEL_CORRUPT', `The model gives no ${name}.`);
  return data;
}

/** @param states [texts, tokens, dimensions] @param mask [texts, tokens], 1 where there is a token */
function pool(states: Tensor, mask: Tensor, pooling: 'mean' | 'first'): Float32Array {
  const [rows = 0, length = 0, dimensions = 0] = states.dims;
  const values = states.data as Float32Array;
  const counted = mask.data as BigInt64Array;
  const pooled = new Float32Array(rows * dimensions);
  for (let row = 0; row < rows; row++) {
    const last = pooling === 'first' ? 1 : length;
    for (let token = 0; token < last; token++) {
      if (Number(counted[row * length + token]) === 0) continue;
      const from = (row * length + token) * dimensions;
      for (let axis = 0; axis < dimensions; axis++) pooled[row * dimensions + axis]! += values[from + axis]!;
    }
  }
  return pooled;
}

async function decode(picture: Uint8Array): Promise<RawImage> {
  try {
    const { data, info } = await sharp(picture, { limitInputPixels: MAX_PIXELS })
      .rotate()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return new RawImage(new Uint8ClampedArray(data), info.width, info.height, 3);
  } catch (error) {
    throw new CinedexError('MEDIA_CORRUPT', 'The picture cannot be decoded.', { cause: error });
  }
}
