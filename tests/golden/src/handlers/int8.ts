import type { Pair, UnaryName } from '@octet/backend';
import { quantized } from '@octet/quantization';
import { interpolate, quantizedTensor, type Tensor } from '@octet/tensor';
import type { Outputs } from '../compare';
import type { GoldenCase, Handler } from '../golden-case';
import { camel, camelCase } from './names';

const { functional } = quantized;

/** An activation from its stored integers. */
function activation(c: GoldenCase<unknown>, name: string, scale: number, zeroPoint: number): Tensor {
  const { data, shape } = c.host(name);
  return quantizedTensor(data, shape, 'quint8', {
    scheme: 'perTensor',
    scale,
    zeroPoint,
  });
}

interface WeightedParams {
  relu: boolean;
  per_channel: boolean;
  x_scale: number;
  x_zero_point: number;
  /** Where the weight is quantized per tensor; else there are the inputs `w_scale` and `w_zero_point`. */
  w_scale: number;
  w_zero_point: number;
  out_scale: number;
  out_zero_point: number;
}

/** What int8 layers are given: input, packed weight and output parameters. */
function weighted(c: GoldenCase<WeightedParams>, transposed?: number) {
  const { params } = c;
  const { data, shape } = c.host('w');
  const weight = quantizedTensor(
    data,
    shape,
    'qint8',
    params.per_channel
      ? {
          scheme: 'perChannel',
          axis: 0,
          scales: Float32Array.from(c.host('w_scale').data),
          zeroPoints: Int32Array.from(c.host('w_zero_point').data),
        }
      : { scheme: 'perTensor', scale: params.w_scale, zeroPoint: params.w_zero_point },
  );
  return {
    x: activation(c, 'x', params.x_scale, params.x_zero_point),
    packed: new functional.PackedWeight('golden', weight, c.optional('bias'), undefined, transposed),
    output: { scale: params.out_scale, zeroPoint: params.out_zero_point, relu: params.relu },
  };
}

interface ConvParams extends WeightedParams {
  stride: Pair;
  padding: Pair;
  dilation: Pair;
  groups: number;
}

export const qconv2d: Handler<ConvParams> = (c) => {
  const { stride, padding, dilation, groups } = c.params;
  const { x, packed, output } = weighted(c);
  return { y: functional.conv2d(x, packed, { stride, padding, dilation, groups, ...output }) };
};

export const qconv1d: Handler<
  WeightedParams & Record<'stride' | 'padding' | 'dilation' | 'groups', number>
> = (c) => {
  const { stride, padding, dilation, groups } = c.params;
  const { x, packed, output } = weighted(c);
  return { y: functional.conv1d(x, packed, { stride, padding, dilation, groups, ...output }) };
};

interface TransposedParams<S> extends WeightedParams {
  stride: S;
  padding: S;
  output_padding: S;
  dilation: S;
  groups: number;
}

export const qconvTranspose1d: Handler<TransposedParams<[number]>> = (c) => {
  const { stride, padding, output_padding: outputPadding, dilation, groups } = c.params;
  const { x, packed, output } = weighted(c, groups);
  const options = { stride, padding, outputPadding, dilation, groups, ...output };
  return { y: functional.convTranspose1d(x, packed, options) };
};

export const qconvTranspose2d: Handler<TransposedParams<Pair>> = (c) => {
  const { stride, padding, output_padding: outputPadding, dilation, groups } = c.params;
  const { x, packed, output } = weighted(c, groups);
  const options = { stride, padding, outputPadding, dilation, groups, ...output };
  return { y: functional.convTranspose2d(x, packed, options) };
};

export const qlinear: Handler<WeightedParams> = (c) => {
  const { x, packed, output } = weighted(c);
  return { y: functional.linear(x, packed, output) };
};

interface BinaryParams {
  fn: string;
  dim?: number;
  a_scale: number;
  a_zero_point: number;
  b_scale: number;
  b_zero_point: number;
  out_scale: number;
  out_zero_point: number;
}

type Output = { scale: number; zeroPoint: number };

const binary: Readonly<Record<string, (a: Tensor, b: Tensor, output: Output, dim: number) => Tensor>> = {
  add: (a, b, output) => functional.add(a, b, output),
  add_relu: (a, b, output) => functional.add(a, b, { ...output, relu: true }),
  mul: (a, b, output) => functional.mul(a, b, output),
  mul_relu: (a, b, output) => functional.mul(a, b, { ...output, relu: true }),
  cat: (a, b, output, dim) => functional.cat([a, b], dim, output),
};

export const qbinary: Handler<BinaryParams> = (c) => {
  const p = c.params;
  const a = activation(c, 'a', p.a_scale, p.a_zero_point);
  const b = activation(c, 'b', p.b_scale, p.b_zero_point);
  return { y: binary[p.fn](a, b, { scale: p.out_scale, zeroPoint: p.out_zero_point }, p.dim ?? 0) };
};

interface UnaryParams {
  fn: string;
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of many functions
  kwargs: any;
  x_scale: number;
  x_zero_point: number;
}

const scalar: Readonly<Record<string, (x: Tensor, scalar: number) => Tensor>> = {
  add_scalar: (x, s) => functional.addScalar(x, s),
  add_scalar_relu: (x, s) => functional.addScalar(x, s, { relu: true }),
  mul_scalar: (x, s) => functional.mulScalar(x, s),
  mul_scalar_relu: (x, s) => functional.mulScalar(x, s, { relu: true }),
};

export const qscalar: Handler<UnaryParams & { scalar: number }> = (c) => {
  const { fn, scalar: s, x_scale, x_zero_point } = c.params;
  return withQparams(scalar[fn](activation(c, 'x', x_scale, x_zero_point), s));
};

const unary: Readonly<Record<string, (x: Tensor, kwargs: UnaryParams['kwargs']) => Tensor>> = {
  relu: (x) => x.relu(),
  relu6: (x) => x.relu6(),
  sigmoid: (x) => x.sigmoid(),
  hardsigmoid: (x) => x.hardsigmoid(),
  tanh: (x) => x.tanh(),
  hardtanh: (x, { min_val, max_val }) => x.hardtanh(min_val, max_val),
  hardswish: (x, { out_scale, out_zero_point }) =>
    functional.hardswish(x, { scale: out_scale, zeroPoint: out_zero_point }),
  leaky_relu: (x, { negative_slope, out_scale, out_zero_point }) =>
    functional.leakyRelu(x, negative_slope, { scale: out_scale, zeroPoint: out_zero_point }),
  interpolate: (x, kwargs) => interpolate(x, camelCase(kwargs)),
  max_pool1d: (x, { kernel_size, ...options }) => x.maxPool1d(kernel_size, camelCase(options)),
  avg_pool1d: (x, { kernel_size, ...options }) => x.avgPool1d(kernel_size, camelCase(options)),
  adaptive_avg_pool1d: (x, { output_size }) => x.adaptiveAvgPool1d(output_size),
  max_pool2d: (x, { kernel_size, ...options }) => x.maxPool2d(kernel_size, camelCase(options)),
  avg_pool2d: (x, { kernel_size, ...options }) => x.avgPool2d(kernel_size, camelCase(options)),
  adaptive_avg_pool2d: (x, { output_size }) => x.adaptiveAvgPool2d(output_size),
};

/** A function that is the table of its row. */
const tabled =
  (fn: string): (typeof unary)[string] =>
  (x, { out_scale, out_zero_point, ...attrs }) =>
    functional.activation(camel(fn) as UnaryName, x, attrs, { scale: out_scale, zeroPoint: out_zero_point });

export const qunary: Handler<UnaryParams> = (c) => {
  const { fn, kwargs, x_scale, x_zero_point } = c.params;
  return withQparams((unary[fn] ?? tabled(fn))(activation(c, 'x', x_scale, x_zero_point), kwargs));
};

export function withQparams(y: Tensor): Outputs {
  if (y.qparams?.scheme !== 'perTensor') throw new Error('the result is not quantized per tensor');
  return { 'y.int': y, 'y.scale': y.qparams.scale, 'y.zero_point': y.qparams.zeroPoint };
}
