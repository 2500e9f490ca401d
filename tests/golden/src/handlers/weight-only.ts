import { Embedding, Parameter, Sequential } from '@octet/nn';
import {
  floatQparamsWeightOnlyQconfig,
  floatQparamsWeightOnlyQconfig4bit,
  quantize_,
  type quantized,
} from '@octet/quantization';
import type { Handler } from '../golden-case';

/** The integers of the rows, their scales and zero points, and the rows looked up. */
export const weightOnlyEmbedding: Handler<{ bits: 4 | 8 }> = async (c) => {
  const weight = c.tensor('weight');
  const [rows, columns] = weight.shape;
  const embedding = new Embedding(rows, columns);
  embedding.weight = new Parameter(weight);
  const config = c.params.bits === 8 ? floatQparamsWeightOnlyQconfig : floatQparamsWeightOnlyQconfig4bit;
  const model = await quantize_(new Sequential(embedding), config);
  const layer = model.at(0) as quantized.Embedding;
  const zeroPoint = layer.zeroPoint ?? layer.scale;
  return {
    weight: layer.weight,
    scale: layer.scale.reshape([rows]),
    zero_point: zeroPoint.reshape([rows]),
    y: layer.call(c.tensor('index')),
  };
};
