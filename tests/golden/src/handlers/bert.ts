import { defaultDynamicQConfig, quantizeDynamic } from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import { BertModel } from '@octet/vision';
import type { Handler } from '../golden-case';

/** States and pooled states, in float and with int8 weights; the state dict loads strictly. */
export const bert: Handler<{ sizes: number[] }> = async (c) => {
  const [vocabSize, hiddenSize, layers, heads, intermediateSize, maxPositionEmbeddings] = c.params.sizes;
  const model = new BertModel({
    ...{ vocabSize, hiddenSize, intermediateSize, maxPositionEmbeddings },
    ...{ numHiddenLayers: layers, numAttentionHeads: heads },
  }).eval();
  model.loadStateDict(c.tensors('state.'));
  const int8 = await quantizeDynamic(model, { qconfig: defaultDynamicQConfig });
  const options = { tokenTypeIds: c.tensor('types'), attentionMask: c.tensor('mask').to('bool') };
  return noGrad(() => {
    const [states, pooled] = model.call(c.tensor('ids'), options);
    const [states8, pooled8] = int8.call(c.tensor('ids'), options);
    return { states, pooled, 'int8.states': states8, 'int8.pooled': pooled8 };
  });
};
