import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Hardsigmoid,
  Hardtanh,
  LeakyReLU,
  type Module,
  ReLU,
  Sigmoid,
  skipInit,
  Tanh,
} from '@octet/nn';
import { conv2d, convTranspose1d, convTranspose2d, type Tensor } from '@octet/tensor';
import type { HostTensor } from '../../host-tensor';
import { attentionOf } from '../attention-pattern';
import type { OnnxNode, Operand } from '../node';
import { isLinear, madeBy, numberIn, quantizedAtEachCall } from '../recompose';
import type { OnnxOperator } from '../table';
import { keepScales, linearOf, withWeights } from '../weights';
import { onBackend } from './helpers';
import { conv3d, convTranspose3d } from './volumes';
import { evenPads, inRows, padsFor, pairOf, planar, tensorPads, type Window, windowOf } from './window';

/** `x` with the padding that a layer can't do itself; as it is if there is none. */
export function padded(
  node: OnnxNode,
  x: Operand,
  window: Window,
  value: number,
): { x: Operand; padding: readonly number[] } {
  const even = evenPads(window);
  if (even) return { x, padding: even };
  const pad = onBackend((t) => {
    const pads = padsFor(window, t.shape.slice(2));
    return pads.every((p) => p === 0) ? t : t.pad(tensorPads(pads), value);
  });
  return { x: node.call1(pad, [x], { op: 'pad', rank: x.rank }), padding: window.kernel.map(() => 0) };
}

/** What a Pad of zeros in space alone pads, and by how much at each side; undefined if it is another. */
function zerosAround(x: Operand, spatial: number): { x: Operand; pads: readonly number[] } | undefined {
  const pad = madeBy(x, 'Pad');
  const amounts = pad?.inputs[1]?.constant?.toArray() ?? pad?.ints('pads');
  const value = pad?.inputs[2] ? numberIn(pad.inputs[2]) : pad?.float('value', 0);
  const rank = spatial + 2;
  const plain = value === 0 && !pad?.inputs[3] && pad?.string('mode', 'constant') === 'constant';
  if (!pad || !plain || amounts?.length !== 2 * rank) return undefined;
  const pads = amounts.filter((_, i) => i % rank > 1);
  const inSpace = amounts.every((p, i) => (i % rank > 1 ? p >= 0 : p === 0));
  return inSpace ? { x: pad.input(0), pads } : undefined;
}

/** A convolution's input and window; a Pad before it goes into the window's padding where that is even at both sides then. */
function withPadding(x: Operand, window: Window): { x: Operand; window: Window } {
  if (window.autoPad !== 'NOTSET' && window.autoPad !== 'VALID') return { x, window };
  const around = zerosAround(x, window.kernel.length);
  if (!around) return { x, window };
  const all = { ...window, autoPad: 'NOTSET', pads: window.pads.map((p, i) => p + around.pads[i]) };
  return evenPads(all) ? { x: around.x, window: all } : { x, window };
}

function convolution(node: OnnxNode): Operand {
  const [, w, b] = [node.input(0), node.input(1), node.inputs[2]];
  const groups = node.int('group', 1);
  if (!w.constant || (b && !b.constant) || w.constant.dim === 5) {
    const convolve = convolver(node, w.rank);
    return node.call1(
      onBackend((t, weight, bias) => convolve(t, weight, bias)),
      node.inputs,
      { rank: node.input(0).rank, fold: false },
    );
  }
  const { shape } = w.constant;
  if (shape.length < 3 || shape.some((d) => d < 1) || !(groups >= 1 && shape[0] % groups === 0))
    throw node.wrong(`a weight [O, C / groups, …], O a multiple of ${groups} groups`, `[${shape}]`);
  const own = windowOf(node, node.ints('kernel_shape') ?? shape.slice(2));
  const source = w.steps && quantizedAtEachCall(node.input(0));
  const { x, window: whole } = withPadding(source ?? node.input(0), own);
  const window = planar(whole);
  if (node.has('kernel_shape') && String(node.ints('kernel_shape')) !== String(shape.slice(2)))
    throw node.wrong(`kernel_shape [${shape.slice(2)}], as the weight's`, `[${node.ints('kernel_shape')}]`);
  const weight = shape.length === 3 ? w.constant.reshape([shape[0], shape[1], 1, shape[2]]) : w.constant;
  const bias = b?.constant;
  if (bias && (bias.dim !== 1 || bias.numel !== shape[0]))
    throw node.wrong(`a bias [${shape[0]}]`, `[${bias.shape}]`);
  return inRows(node, x, shape.length - 2, (rows) => {
    const { x: image, padding } = padded(node, rows, window, 0);
    const layer = withWeights(convOf(shape, window, padding, groups), weight, bias, node.isReadOnce(w));
    if (source) keepScales(layer);
    const attributes = source && { dynamic: true };
    return { ...node.layer(layer, [image], { weight: w, rank: 4, attributes })[0], layer };
  });
}

const single = (list: readonly number[]): [number] => [list[0]];

/** A convolution over as many dims as the window has, which waits for a weight of this shape. */
export function convOf(
  shape: readonly number[],
  { kernel, stride, dilation }: Window,
  padding: readonly number[],
  groups: number,
): Conv1d | Conv2d {
  const options = <S>(size: (list: readonly number[]) => S) => ({
    bias: false,
    stride: size(stride),
    padding: size(padding),
    dilation: size(dilation),
  });
  // Its own weight would only be thrown away: it is made small.
  const layer = skipInit(() =>
    kernel.length === 1 ? new Conv1d(1, 1, [1], options(single)) : new Conv2d(1, 1, [1, 1], options(pairOf)),
  );
  const sizes = { inChannels: shape[1] * groups, outChannels: shape[0], kernelSize: [...kernel], groups };
  return Object.assign(layer, sizes) as Conv1d | Conv2d;
}

/** The convolution that a node's attributes ask for, for tensors [N, C, L] or [N, C, H, W]; the weight may be any of `rank`. */
export function convolver(
  node: OnnxNode,
  rank: number | undefined,
): (x: Tensor, weight: Tensor, bias?: Tensor) => Tensor {
  const given = node.ints('kernel_shape');
  const spatial =
    given?.length ?? (rank === undefined ? node.unsupported('a weight of unknown rank') : rank - 2);
  if (spatial < 1 || spatial > 3) node.unsupported(`${spatial} spatial dimensions`);
  const groups = node.int('group', 1);
  // Of its kernel only the rank is known yet.
  const window = windowOf(node, given ?? new Array<number>(spatial).fill(1));
  return (x, weight, bias) => {
    if (spatial === 3) {
      const at = { ...window, kernel: weight.shape.slice(2) };
      return conv3d(x, weight, bias, at, padsFor(at, x.shape.slice(2)), groups);
    }
    const row = x.dim === 3;
    const wide = (v: Tensor) => (row ? v.unsqueeze(2) : v);
    const at = planar({ ...window, kernel: weight.shape.slice(2) });
    const pads = padsFor(at, wide(x).shape.slice(2));
    const source = pads.some((p) => p > 0) ? wide(x).pad(tensorPads(pads)) : wide(x);
    const options = { groups, stride: pairOf(at.stride), dilation: pairOf(at.dilation) };
    const y = conv2d(source, wide(weight), bias, options);
    return row ? y.squeeze(2) : y;
  };
}

/** The padding of a transposed convolution for an input of these sizes: what is cut off before and after, and added at the end. */
interface Cut {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** What a transposed convolution cuts off its full output: by pads, auto_pad, or the output_shape that it should have. */
function cutOf(
  node: OnnxNode,
  { kernel, stride, dilation, autoPad, pads }: Window,
  outputPadding: readonly number[],
  outputShape: readonly number[] | undefined,
  sizes: readonly number[],
): Cut {
  const rank = kernel.length;
  const after = outputPadding.map((p, d) => pads[d + rank] - p);
  if (!outputShape && (autoPad === 'NOTSET' || autoPad === 'VALID'))
    return { before: pads.slice(0, rank), after };
  const same = autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER';
  const target = outputShape ?? sizes.map((size, d) => size * stride[d]);
  if (target.length !== rank) throw node.wrong(`output_shape of ${rank} sizes`, `[${target}]`);
  const total = sizes.map(
    (size, d) => (size - 1) * stride[d] + outputPadding[d] + dilation[d] * (kernel[d] - 1) + 1 - target[d],
  );
  if (total.some((t) => t < 0) && same) node.unsupported('an output larger than the kernel reaches');
  const before = total.map((t) => (autoPad === 'SAME_UPPER' ? Math.floor(t / 2) : t - Math.floor(t / 2)));
  return { before, after: total.map((t, d) => t - before[d] - outputPadding[d]) };
}

function transposed(node: OnnxNode): Operand {
  const [x, w, b] = [node.input(0), node.input(1), node.inputs[2]];
  const groups = node.int('group', 1);
  const given = node.ints('kernel_shape');
  const spatial = (given ?? w.constant?.shape.slice(2))?.length ?? (w.rank ?? 4) - 2;
  if (spatial < 1 || spatial > 3) node.unsupported(`${spatial} spatial dimensions`);
  const window = windowOf(node, w.constant?.shape.slice(2) ?? given ?? new Array<number>(spatial).fill(1));
  if (given && w.constant && String(given) !== String(w.constant.shape.slice(2)))
    throw node.wrong(`kernel_shape [${w.constant.shape.slice(2)}], as the weight's`, `[${given}]`);
  const outputPadding = node.ints('output_padding') ?? new Array<number>(spatial).fill(0);
  if (outputPadding.length !== spatial || outputPadding.some((p) => !(p >= 0)))
    throw node.wrong(`${spatial} output_padding >= 0`, `[${outputPadding}]`);
  const outputShape = node.ints('output_shape')?.slice(-spatial);
  const layer = transposedLayer(node, window, outputPadding, outputShape, groups);
  if (layer) return node.layer(layer, [x], { weight: w, rank: x.rank })[0];
  const { stride, dilation } = window;
  return node.call1(
    onBackend((t, weight, bias) => {
      const at = { ...window, kernel: weight.shape.slice(2) };
      const { before, after } = cutOf(node, at, outputPadding, outputShape, t.shape.slice(2));
      const pair = { stride: pairOf(stride), dilation: pairOf(dilation), groups };
      const full =
        spatial === 3
          ? convTranspose3d(t, weight, bias, at, groups)
          : spatial === 1
            ? convTranspose1d(t, weight, bias, { stride: [stride[0]], dilation: [dilation[0]], groups })
            : convTranspose2d(t, weight, bias, pair);
      const pads = [...before, ...after].map((p) => -p);
      if (pads.every((p) => p === 0)) return full;
      // Rows that nothing reaches are the bias.
      const cut = full.pad(tensorPads(pads.map((p) => Math.min(p, 0))));
      if (pads.every((p) => p <= 0)) return cut;
      const more = pads.map((p) => Math.max(p, 0));
      const grown = cut.pad(tensorPads(more));
      if (!bias) return grown;
      const outside = cut.mul(0).add(1).pad(tensorPads(more)).neg().add(1);
      return grown.add(outside.mul(bias.reshape([1, -1, ...window.kernel.map(() => 1)])));
    }),
    [x, w, b],
    { rank: x.rank, fold: false },
  );
}

/** A layer, where the weight is known and what is cut off is even and doesn't depend on the input's size. */
function transposedLayer(
  node: OnnxNode,
  { kernel, stride, dilation, autoPad, pads }: Window,
  outputPadding: readonly number[],
  outputShape: readonly number[] | undefined,
  groups: number,
): ConvTranspose1d | ConvTranspose2d | undefined {
  const [, w, b] = [node.input(0), node.input(1), node.inputs[2]];
  const rank = kernel.length;
  const even = kernel.every((_, d) => pads[d] === pads[d + rank]);
  const known = w.constant && (!b || b.constant);
  if (!known || !even || rank > 2 || outputShape || autoPad.startsWith('SAME')) return undefined;
  if (outputPadding.some((p, d) => p >= Math.max(stride[d], dilation[d]))) return undefined;
  const { shape } = w.constant;
  const outputs = shape[1] * groups;
  const bias = b?.constant;
  if (shape.some((d) => d < 1)) throw node.wrong('a weight [C, O / groups, …]', `[${shape}]`);
  if (bias && (bias.dim !== 1 || bias.numel !== outputs))
    throw node.wrong(`a bias [${outputs}]`, `[${bias.shape}]`);
  const [pad, extra] = [pads.slice(0, rank), outputPadding];
  const options = <S>(size: (list: readonly number[]) => S) => ({
    ...{ bias: false, stride: size(stride), padding: size(pad) },
    ...{ outputPadding: size(extra), dilation: size(dilation) },
  });
  if (!(groups >= 1 && shape[0] % groups === 0))
    throw node.wrong(`a weight [C, O / groups, …], C a multiple of ${groups} groups`, `[${shape}]`);
  // Its own weight would only be thrown away: it is made small.
  const layer = skipInit(() =>
    rank === 1
      ? new ConvTranspose1d(1, 1, [1], options(single))
      : new ConvTranspose2d(1, 1, [1, 1], options(pairOf)),
  );
  const sizes = { inChannels: shape[0], outChannels: outputs, kernelSize: kernel, groups };
  return withWeights(Object.assign(layer, sizes), w.constant, bias);
}

/** A linear layer with a weight [out, in]; `from` is the initializer to name it after. */
function linearLayer(
  node: OnnxNode,
  x: Operand,
  weight: HostTensor,
  bias: HostTensor | undefined,
  from: Operand,
): Operand {
  const layer = linearOf(weight, bias);
  return { ...node.layer(layer, [x], { weight: from, rank: x.rank })[0], layer };
}

/** A bias [N] from what broadcasts to it in every row; undefined if it is no such thing. */
function rowBias(c: HostTensor, n: number): HostTensor | undefined {
  if (c.numel === n && (c.shape[c.dim - 1] ?? 1) === n) return c.reshape([n]);
  return c.numel === 1 ? c.reshape([1]).expand([n]) : undefined;
}

function gemm(node: OnnxNode): Operand {
  // Before version 7 it said whether C broadcasts, which its shape says.
  node.has('broadcast');
  const [a, b, c] = [node.input(0), node.input(1), node.inputs[2]];
  const [alpha, beta] = [node.float('alpha', 1), node.float('beta', 1)];
  const [transA, transB] = [node.flag('transA'), node.flag('transB')];
  const constant =
    b.constant?.dtype === 'float32' && b.constant.dim === 2 && b.constant.numel > 0 ? b.constant : undefined;
  const n = constant?.shape[transB ? 0 : 1] ?? 0;
  const bias = c?.constant && constant ? rowBias(c.constant, n) : undefined;
  if (constant && !a.constant && !transA && alpha === 1 && beta === 1 && (!c || bias)) {
    return linearLayer(node, a, transB ? constant : constant.permute([1, 0]), bias, b);
  }
  return node.call1(
    onBackend((x, w, shift) => {
      const y = (transA ? x.transpose(0, 1) : x).matmul(transB ? w.transpose(0, 1) : w);
      const scaled = alpha === 1 ? y : y.mul(alpha);
      return shift ? scaled.add(beta === 1 ? shift : shift.mul(beta)) : scaled;
    }),
    node.inputs,
    { rank: 2, fold: false },
  );
}

function matmul(node: OnnxNode): Operand {
  const [a, b] = [node.input(0), node.input(1)];
  if (isLinear(node)) return linearLayer(node, a, (b.constant as HostTensor).permute([1, 0]), undefined, b);
  const attention = attentionOf(node);
  if (attention) return attention;
  const rank =
    a.rank !== undefined && b.rank !== undefined && a.rank > 1 && b.rank > 1
      ? Math.max(a.rank, b.rank)
      : undefined;
  return node.call1(
    onBackend((x, y) => x.matmul(y)),
    node.inputs,
    { rank, fold: false },
  );
}

/** com.microsoft's product of matrices that may be transposed, times alpha. */
function fusedMatmul(node: OnnxNode): Operand {
  const alpha = node.float('alpha', 1);
  const [transA, transB] = [node.flag('transA'), node.flag('transB')];
  if (node.flag('transBatchA') || node.flag('transBatchB')) node.unsupported('transposed batches');
  const turned = (t: Tensor, yes: boolean) => (yes && t.dim > 1 ? t.transpose(-2, -1) : t);
  return node.call1(
    onBackend((a, b) => {
      const y = turned(a, transA).matmul(turned(b, transB));
      return alpha === 1 ? y : y.mul(alpha);
    }),
    node.inputs,
    { rank: node.input(0).rank, fold: false },
  );
}

/** com.microsoft's convolution with an addend and an activation. */
function fusedConvolution(node: OnnxNode): Operand | readonly Operand[] {
  const name = node.string('activation', '');
  const [a = 0.01, b = 0] = node.floats('activation_params') ?? [];
  const layers: Readonly<Record<string, () => Module>> = {
    Relu: () => new ReLU(),
    Sigmoid: () => new Sigmoid(),
    Tanh: () => new Tanh(),
    LeakyRelu: () => new LeakyReLU(a),
    Clip: () => new Hardtanh(a, b),
    HardSigmoid: () =>
      Math.abs(a - 1 / 6) < 1e-6 && b === 0.5 ? new Hardsigmoid() : node.unsupported('this HardSigmoid'),
  };
  const make = name === '' ? undefined : (layers[name] ?? node.unsupported(`activation ${name}`));
  const product = convolution(node);
  const addend = node.inputs[3];
  const y = addend
    ? node.call1(
        onBackend((p, z) => p.add(z)),
        [product, addend],
        { op: 'add', rank: product.rank },
      )
    : product;
  return make ? node.layer(make(), [y], { rank: y.rank }) : y;
}

export const products = (): readonly OnnxOperator[] => [
  { op: 'Conv', since: 1, inputs: 2, import: convolution },
  { op: 'ConvTranspose', since: 1, inputs: 2, import: transposed },
  { op: 'Gemm', since: 1, inputs: 2, import: gemm },
  { op: 'MatMul', since: 1, inputs: 2, import: matmul },
  { op: 'FusedMatMul', domain: 'com.microsoft', since: 1, inputs: 2, import: fusedMatmul },
  { op: 'FusedConv', domain: 'com.microsoft', since: 1, inputs: 2, import: fusedConvolution },
];
