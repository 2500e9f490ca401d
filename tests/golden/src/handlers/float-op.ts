import { elementwiseFunctions } from '@octet/backend';
import * as octet from '@octet/tensor';
import { grad, type Tensor } from '@octet/tensor';
import type { Outputs } from '../compare';
import type { Handler } from '../golden-case';
import { camel, camelCase } from './names';

interface FloatOpParams {
  fn: string;
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of many functions
  kwargs: any;
  /** Inputs besides the integers that have no gradient. */
  no_grad?: string[];
}

type Inputs = Readonly<Record<string, Tensor>>;
type Run = (inputs: Inputs, kwargs: FloatOpParams['kwargs'], options: object) => Tensor;

const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Run =>
  ({ a, b }) =>
    f(a, b);

/** An elementwise function of one tensor, whose keyword arguments come in the order of ours. */
function unary(fn: string): Run | undefined {
  const name = camel(fn);
  if (!(name in elementwiseFunctions)) return undefined;
  const all: Readonly<Record<string, unknown>> = octet;
  const f = all[name] as (x: Tensor, ...args: unknown[]) => Tensor;
  return ({ x }, kwargs) => f(x, ...Object.values(kwargs));
}

/** PyTorch's functions beside those; `options` are the keyword arguments in camelCase. */
const functions: Readonly<Record<string, Run>> = {
  conv1d: ({ x, weight, bias }, _, options) => octet.conv1d(x, weight, bias, options),
  conv2d: ({ x, weight, bias }, _, options) => octet.conv2d(x, weight, bias, options),
  conv_transpose1d: ({ x, weight, bias }, _, options) => octet.convTranspose1d(x, weight, bias, options),
  conv_transpose2d: ({ x, weight, bias }, _, options) => octet.convTranspose2d(x, weight, bias, options),
  interpolate: ({ x }, _, options) => octet.interpolate(x, options),
  linear: ({ x, weight, bias }) => octet.linear(x, weight, bias),
  matmul: binary(octet.matmul),
  scaled_dot_product_attention: ({ q, k, v, mask }, { bool_mask: isBool }, options) => {
    const { boolMask: _, ...rest } = options as { boolMask?: unknown };
    const attnMask = isBool ? mask.to('bool') : mask;
    return octet.scaledDotProductAttention(q, k, v, { ...rest, ...(attnMask ? { attnMask } : {}) });
  },
  add: ({ a, b }, { alpha = 1 }) => a.add(b.mul(alpha)),
  sub: binary(octet.sub),
  mul: binary(octet.mul),
  div: binary(octet.div),
  max_pool1d: ({ x }, { kernel_size }, options) => x.maxPool1d(kernel_size, withoutKernelSize(options)),
  avg_pool1d: ({ x }, { kernel_size }, options) => x.avgPool1d(kernel_size, withoutKernelSize(options)),
  adaptive_avg_pool1d: ({ x }, { output_size }) => x.adaptiveAvgPool1d(output_size),
  max_pool2d: ({ x }, { kernel_size }, options) => x.maxPool2d(kernel_size, withoutKernelSize(options)),
  avg_pool2d: ({ x }, { kernel_size }, options) => x.avgPool2d(kernel_size, withoutKernelSize(options)),
  adaptive_avg_pool2d: ({ x }, { output_size }) => x.adaptiveAvgPool2d(output_size),
  prelu: ({ x, weight }) => octet.prelu(x, weight),
  glu: ({ x }, { dim }) => octet.glu(x, dim),
  rrelu: ({ x }, { lower, upper }) => octet.rrelu(x, lower, upper),
  softmax: ({ x }, { dim }) => x.softmax(dim),
  log_softmax: ({ x }, { dim }) => x.logSoftmax(dim),
  cross_entropy: ({ x, target, class_weight }, _, options) =>
    octet.crossEntropy(x, target, { ...options, weight: class_weight }),
  mse_loss: ({ a, b }, _, options) => octet.mseLoss(a, b, options),
  dropout_p0: ({ x }) => octet.dropout(x, 0),
  layer_norm: ({ x, weight, bias }, { normalized_shape, eps }) =>
    octet.layerNorm(x, normalized_shape, weight, bias, eps),
  group_norm: ({ x, weight, bias }, { num_groups, eps }) => octet.groupNorm(x, num_groups, weight, bias, eps),
  instance_norm: ({ x, weight, bias }) => octet.instanceNorm(x, { weight, bias }),
  rms_norm: ({ x, weight }, { normalized_shape, eps }) =>
    octet.rmsNorm(x, normalized_shape, weight, eps ?? undefined),
  local_response_norm: ({ x }, { size, alpha, beta, k }) =>
    octet.localResponseNorm(x, size, { alpha, beta, k }),
  embedding: ({ index, weight }, _, options) => octet.embedding(index, weight, options),
  sum: ({ x }, { dim, keepdim }) => x.sum(dim, keepdim),
  mean: ({ x }, { dim, keepdim }) => x.mean(dim, keepdim),
  var: ({ x }, { dim, unbiased }) => x.var(dim, { correction: unbiased ? 1 : 0 }),
  amax: ({ x }, { dim, keepdim }) => x.amax(dim, keepdim),
  flatten: ({ x }, { start_dim, end_dim }) => x.flatten(start_dim, end_dim),
  reshape: ({ x }, { shape }) => x.reshape(shape),
  permute: ({ x }, { dims }) => x.permute(dims),
  transpose: ({ x }, { dims }) => x.transpose(dims[0], dims[1]),
  slice: ({ x }, { slices }) =>
    slices.reduce(
      (t: Tensor, [start, end, step]: (number | null)[], dim: number) =>
        t.slice(dim, start ?? undefined, end ?? undefined, step ?? undefined),
      x,
    ),
  cat: (inputs, { dim }) => octet.cat(Object.values(inputs), dim),
  pad: ({ x }, { pad, mode, value }) => x.pad(pad, mode ? { mode } : value),
};

/** `y`, and `grad_NAME` for every input that has a gradient. */
export const floatOp: Handler<FloatOpParams> = (c) => {
  const { fn, kwargs, no_grad = [] } = c.params;
  const run = functions[fn] ?? unary(fn);
  if (!run) throw new Error(`no function '${fn}'`);
  const { grad_out: gradOut, ...inputs } = c.tensors('');
  const trained = Object.keys(inputs).filter(
    (name) => inputs[name].dtype === 'float32' && !no_grad.includes(name),
  );
  for (const name of trained) inputs[name].requiresGrad = true;
  const y = run(inputs, kwargs, camelCase(kwargs));
  const outputs: Record<string, Outputs[string]> = { y };
  const grads = grad(
    y,
    trained.map((name) => inputs[name]),
    { gradOutputs: [gradOut] },
  );
  trained.forEach((name, i) => {
    outputs[`grad_${name}`] = grads[i] as Tensor;
  });
  return outputs;
};

/** PyTorch's keyword that is positional here. */
function withoutKernelSize(options: object): object {
  const { kernelSize: _, ...rest } = options as { kernelSize?: unknown };
  return rest;
}
