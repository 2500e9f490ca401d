import {
  type AnyModule,
  MultiheadAttention,
  Transformer,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
} from '@octet/nn';
import { grad, type Tensor } from '@octet/tensor';
import type { Outputs } from '../compare';
import type { Handler } from '../golden-case';
import { camel, camelCase } from './names';

interface Params {
  class: 'MultiheadAttention' | 'Transformer' | 'TransformerDecoderLayer' | 'TransformerEncoderLayer';
  args: [number, number];
  kwargs: Record<string, unknown>;
  call: Record<string, unknown>;
}

const make: Record<Params['class'], (args: [number, number], options: object) => AnyModule> = {
  MultiheadAttention: (args, options) => new MultiheadAttention(...args, options),
  TransformerEncoderLayer: (args, options) => new TransformerEncoderLayer(...args, options),
  TransformerDecoderLayer: (args, options) => new TransformerDecoderLayer(...args, options),
  Transformer: (_, options) => new Transformer(options),
};

/** `y`, `weights`, and the gradients of inputs and parameters; the state dict loads strictly. */
export const attentionModule: Handler<Params> = (c) => {
  const { class: type, args, kwargs, call } = c.params;
  const module = make[type](args, camelCase(kwargs));
  module.loadStateDict(c.tensors('state.'));
  const inputs = Object.values(c.tensors('x'));
  for (const x of inputs) x.requiresGrad = true;
  const masks = Object.entries(c.tensors('mask.')).map(([name, mask]) => [
    camel(name),
    mask.dtype === 'uint8' ? mask.to('bool') : mask,
  ]);
  const options = { ...Object.fromEntries(masks), ...camelCase(call) };
  const operands =
    type === 'MultiheadAttention' && inputs.length === 1 ? [...inputs, ...inputs, ...inputs] : inputs;
  const out: Tensor | [Tensor, Tensor | undefined] = module.call(...operands, options);
  const [y, weights] = Array.isArray(out) ? out : [out, undefined];
  const outputs: Record<string, Outputs[string]> = { y, ...(weights ? { weights } : {}) };
  const state = module.stateDict();
  const parameters = module.parameters();
  const names = Object.keys(state).filter((key) => parameters.some((p) => p.storage === state[key].storage));
  const grads = grad(y, [...inputs, ...parameters], { gradOutputs: [c.tensor('grad_out')] });
  inputs.forEach((_, i) => {
    outputs[`grad_x${i}`] = grads[i] as Tensor;
  });
  names.forEach((name, i) => {
    outputs[`grad.${name}`] = grads[inputs.length + i] as Tensor;
  });
  return outputs;
};
