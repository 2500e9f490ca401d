/** Puts the ops of one tensor on `Tensor`, and how it prints: the core of the class knows no op. */
import type { CoreFunctions } from './core-methods';
import { install } from './install';
import * as ops from './ops';
import { formatTensor } from './print';
import type { Tensor } from './tensor';

/** The methods, and whose functions they are: the tensor is the first argument. A new one is a line. */
const functions = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  neg: ops.neg,
  affine: ops.affine,
  exp: ops.exp,
  log: ops.log,
  sqrt: ops.sqrt,
  abs: ops.abs,
  square: ops.square,
  pow: ops.pow,
  relu: ops.relu,
  relu6: ops.relu6,
  hardswish: ops.hardswish,
  hardsigmoid: ops.hardsigmoid,
  sigmoid: ops.sigmoid,
  tanh: ops.tanh,
  gelu: ops.gelu,
  leakyRelu: ops.leakyRelu,
  clone: ops.clone,
  clamp: ops.clamp,
  hardtanh: ops.hardtanh,
  softmax: ops.softmax,
  logSoftmax: ops.logSoftmax,
  sum: ops.sum,
  mean: ops.mean,
  amax: ops.amax,
  argmax: ops.argmax,
  matmul: ops.matmul,
  linear: ops.linear,
  conv1d: ops.conv1d,
  conv2d: ops.conv2d,
  convTranspose1d: ops.convTranspose1d,
  convTranspose2d: ops.convTranspose2d,
  maxPool1d: ops.maxPool1d,
  maxPool2d: ops.maxPool2d,
  avgPool1d: ops.avgPool1d,
  avgPool2d: ops.avgPool2d,
  adaptiveAvgPool1d: ops.adaptiveAvgPool1d,
  adaptiveAvgPool2d: ops.adaptiveAvgPool2d,
  batchNorm: ops.batchNorm,
  layerNorm: ops.layerNorm,
  dropout: ops.dropout,
  nllLoss: ops.nllLoss,
  crossEntropy: ops.crossEntropy,
  mseLoss: ops.mseLoss,
  l1Loss: ops.l1Loss,
  reshape: ops.reshape,
  flatten: ops.flatten,
  permute: ops.permute,
  transpose: ops.transpose,
  squeeze: ops.squeeze,
  unsqueeze: ops.unsqueeze,
  expand: ops.expand,
  slice: ops.slice,
  select: ops.select,
  chunk: ops.chunk,
  pad: ops.pad,
  contiguous: ops.contiguous,
  quantizePerTensor: ops.quantizePerTensor,
  quantizePerChannel: ops.quantizePerChannel,
  dequantize: ops.dequantize,
  var: ops.variance,
};

type MethodOf<F> = F extends (x: Tensor, ...args: infer Args) => infer Result
  ? (...args: Args) => Result
  : never;

type Functions = CoreFunctions & typeof functions;

/** The methods of a tensor that are functions of this package too. */
export type Methods = { [N in keyof Functions]: MethodOf<Functions[N]> };

install({
  ...functions,
  toString: formatTensor,
  [Symbol.for('nodejs.util.inspect.custom')]: formatTensor,
});
