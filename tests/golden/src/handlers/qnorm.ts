import type { Clamp } from '@octet/backend';
import { quantized } from '@octet/quantization';
import { quantizedTensor, type Tensor } from '@octet/tensor';
import type { GoldenCase, Handler } from '../golden-case';
import { withQparams } from './int8';

const { functional } = quantized;

interface Params {
  fn: string;
  eps: number;
  relu?: boolean;
  normalized_shape: number[];
  num_groups: number;
  dims: number[];
  dim: number;
  x_scale: number;
  x_zero_point: number;
  out_scale: number;
  out_zero_point: number;
}

const RELU: Clamp = [0, Number.POSITIVE_INFINITY];

type Output = { scale: number; zeroPoint: number };

const functions: Readonly<Record<string, (x: Tensor, c: GoldenCase<Params>, output: Output) => Tensor>> = {
  batch_norm: (x, c, output) => {
    const floats = (name: string) => Float32Array.from(c.host(name).data);
    const [weight, bias, mean, variance] = ['weight', 'bias', 'mean', 'variance'].map(floats);
    const { eps, relu } = c.params;
    return functional.batchNorm(x, { weight, bias, mean, variance, eps }, output, relu ? RELU : undefined);
  },
  layer_norm: (x, c, output) => {
    const { normalized_shape, eps } = c.params;
    return functional.layerNorm(x, normalized_shape, c.tensor('weight'), c.tensor('bias'), eps, output);
  },
  group_norm: (x, c, output) => {
    const { num_groups, eps } = c.params;
    return functional.groupNorm(x, num_groups, c.tensor('weight'), c.tensor('bias'), eps, output);
  },
  mean: (x, c) => x.mean(c.params.dims),
  softmax: (x, c) => x.softmax(c.params.dim),
};

/** int8 normalisations, means and softmax. */
export const qnorm: Handler<Params> = (c) => {
  const { fn, x_scale: scale, x_zero_point: zeroPoint, out_scale, out_zero_point } = c.params;
  const { data, shape } = c.host('x');
  const x = quantizedTensor(data, shape, 'quint8', { scheme: 'perTensor', scale, zeroPoint });
  return withQparams(functions[fn](x, c, { scale: out_scale, zeroPoint: out_zero_point }));
};
