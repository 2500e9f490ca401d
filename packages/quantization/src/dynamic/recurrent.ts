import {
  Buffer,
  Parameter,
  RNN_OPTIONS,
  type RNNBase,
  type RNNLayer,
  type RNNOptions,
} from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import type { DynamicOptions } from '../functional/linear';
import { PackedWeight } from '../functional/packed-weight';

/** The options that recurrent layers and their dynamic forms take. */
export const optionNames = `${RNN_OPTIONS} reduceRange`;

export type DynamicRNNOptions = RNNOptions & DynamicOptions;

/** The options that make a layer of the same form. */
export function optionsOf<S>(rnn: RNNBase<S>): Required<RNNOptions> {
  const { numLayers, hasBias: bias, batchFirst, dropout, bidirectional } = rnn;
  return { numLayers, bias, batchFirst, dropout, bidirectional };
}

/** Gives `made` the biases of `rnn`, and its weights as `quantize` makes them, as buffers. */
export async function fillQuantized<S>(
  made: RNNBase<S>,
  rnn: RNNBase<S>,
  quantize: (weight: Tensor) => Promise<Tensor>,
): Promise<void> {
  const fields = made as unknown as Record<string, Tensor>;
  for (const [name, parameter] of rnn.namedParameters()) {
    fields[name] = new Buffer(name.startsWith('weight') ? await quantize(parameter) : parameter);
  }
}

/** Gives `made` the weights of the int8 layer `rnn`, dequantized, and its biases, as parameters. */
export function fillFloat<S, M extends RNNBase<S>>(made: M, rnn: RNNBase<S>): M {
  const fields = made as unknown as Record<string, Parameter>;
  for (const [name, t] of rnn.namedBuffers()) fields[name] = new Parameter(t.isQuantized ? dequantize(t) : t);
  return made.train(rnn.training);
}

/** What the layers of one module have packed, by their weights. */
export type PackedWeights = Map<Tensor, PackedWeight>;

/** The packed weight of a layer's inputs (`Ih`), state (`Hh`) or projection (`Hr`), made once. */
export function packedWeight<S>(
  op: string,
  packed: PackedWeights,
  rnn: RNNBase<S>,
  of: 'Ih' | 'Hh' | 'Hr',
  layer: RNNLayer,
): PackedWeight {
  const weight: Tensor = rnn[`weight${of}${layer}`];
  let found = packed.get(weight);
  if (!found) {
    found = new PackedWeight(op, weight, of === 'Hr' ? undefined : rnn[`bias${of}${layer}`]);
    packed.set(weight, found);
  }
  return found;
}
