import { fromData, Generator, manualSeed, rand, randn, type Tensor, tensor, tidy } from '../../src';
import * as ops from '../../src/ops';
import * as activations from '../../src/ops/elementwise/activations';

/** A function whose gradients are checked, and the shapes (or values) of what it is differentiated by. */
export interface Differentiable {
  /** The names of the ops that it is the check of. */
  readonly covers: readonly string[];
  readonly fn: (...inputs: Tensor[]) => Tensor | Tensor[];
  readonly inputs: readonly Input[];
}

/** Normal random numbers of a shape, or what the function makes. */
type Input = readonly number[] | ((dtype: 'float32' | 'float64') => Tensor);

/** Positive, away from 0. */
const positive = (shape: readonly number[]) => (dtype: 'float32' | 'float64') =>
  rand(shape, { dtype }).add(0.5);
/** Inside of 0 … 1, away from the ends. */
const share = (shape: readonly number[]) => (dtype: 'float32' | 'float64') =>
  rand(shape, { dtype }).mul(0.9).add(0.05);
/** Wide enough to reach all pieces of piecewise functions. */
const wide = (shape: readonly number[]) => (dtype: 'float32' | 'float64') => randn(shape, { dtype }).mul(4);
const constant = (values: readonly number[]) => (dtype: 'float32' | 'float64') =>
  fromData(values, [values.length], { dtype });

/** Made once: calls of one entry allocate nothing but what the op does. */
const constants = new Map<string, Tensor>();
function once(key: string, make: () => Tensor): Tensor {
  const made = constants.get(key) ?? make();
  constants.set(key, made);
  return made;
}

const ints = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  once(`${values}:${shape}`, () => fromData(Int32Array.from(values), shape));

const mask = (values: readonly number[], shape: readonly number[]) =>
  once(`mask ${values}:${shape}`, () => fromData(values, shape, { dtype: 'bool' }));

const like = (x: Tensor | undefined, values: readonly number[]) => {
  const dtype = x?.dtype === 'float64' ? 'float64' : 'float32';
  return once(`${dtype} ${values}`, () => tensor([...values], { dtype }));
};

/** Every differentiable op, with the options and broadcasts that take other paths. */
export const differentiable: Readonly<Record<string, Differentiable>> = {
  add: {
    covers: ['add'],
    fn: (a, b) => ops.add(a, b),
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  'add broadcast': {
    covers: ['add'],
    fn: (a, b) => ops.add(a, b),
    inputs: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  'add both ways': {
    covers: ['add', 'sumTo'],
    fn: (a, b) => ops.add(a, b),
    inputs: [
      [2, 1, 3],
      [4, 1],
    ],
  },
  'add one element': { covers: ['add'], fn: (a, b) => ops.add(a, b), inputs: [[2, 3], []] },
  'add number': { covers: ['add'], fn: (x) => ops.add(x, 2), inputs: [[3]] },
  'add itself': { covers: ['add'], fn: (x) => ops.add(x, x), inputs: [[3]] },
  'sub broadcast': {
    covers: ['sub'],
    fn: (a, b) => ops.sub(a, b),
    inputs: [
      [3, 1],
      [2, 3, 4],
    ],
  },
  'sub number': { covers: ['sub'], fn: (x) => ops.sub(x, 2), inputs: [[3]] },
  'mul broadcast': {
    covers: ['mul'],
    fn: (a, b) => ops.mul(a, b),
    inputs: [
      [2, 3, 4],
      [1, 4],
    ],
  },
  'mul one element': {
    covers: ['mul'],
    fn: (a, b) => ops.mul(a, b),
    inputs: [
      [1, 1],
      [2, 3],
    ],
  },
  'mul number': { covers: ['mul'], fn: (x) => ops.mul(x, -3), inputs: [[3]] },
  'mul itself': { covers: ['mul'], fn: (x) => ops.mul(x, x), inputs: [[3]] },
  'div broadcast': { covers: ['div'], fn: (a, b) => ops.div(a, b), inputs: [[2, 3], positive([2, 1])] },
  'div by broadcast': { covers: ['div'], fn: (a, b) => ops.div(a, b), inputs: [[3], positive([2, 3])] },
  'div number': { covers: ['div'], fn: (x) => ops.div(x, 3), inputs: [[3]] },
  'number plus tensor': { covers: ['add'], fn: (x) => ops.add(2, x), inputs: [[3]] },
  'number minus tensor': { covers: ['sub', 'rsub'], fn: (x) => ops.sub(2, x), inputs: [[3]] },
  'number times tensor': { covers: ['mul'], fn: (x) => ops.mul(-2, x), inputs: [[3]] },
  'number by tensor': { covers: ['div'], fn: (x) => ops.div(2, x), inputs: [positive([2, 3])] },
  where: {
    covers: ['where'],
    fn: (a, b) => ops.where(mask([1, 0, 0], [1, 3]), a, b),
    inputs: [
      [2, 3],
      [2, 1],
    ],
  },
  'where with a broadcast mask': {
    covers: ['where'],
    fn: (a) => ops.where(mask([1, 0, 0, 1], [2, 2, 1]), a, -1),
    inputs: [[3]],
  },
  'where of a number first': {
    covers: ['where'],
    fn: (b) => ops.where(mask([1, 0, 0], [1, 3]), 4, b),
    inputs: [[2, 3]],
  },
  maskedFill: {
    covers: ['maskedFill'],
    fn: (x) => ops.maskedFill(x, mask([1, 0, 0], [3]), 2),
    inputs: [[2, 3]],
  },
  maximum: {
    covers: ['maximum'],
    fn: (a, b) => ops.maximum(a, b),
    inputs: [
      [2, 3],
      [2, 1],
    ],
  },
  'maximum with a number': { covers: ['maximum'], fn: (a) => ops.maximum(a, 0.1), inputs: [[2, 3]] },
  minimum: {
    covers: ['minimum'],
    fn: (a, b) => ops.minimum(a, b),
    inputs: [[3], [2, 3]],
  },
  'pow by a tensor': {
    covers: ['pow'],
    fn: (a, b) => ops.pow(a, b),
    inputs: [positive([2, 3]), [3]],
  },
  'pow of a number': { covers: ['pow'], fn: (b) => ops.pow(2, b), inputs: [[2, 3]] },
  fmod: { covers: ['fmod'], fn: (a, b) => ops.fmod(a, b), inputs: [wide([2, 3]), positive([2, 1])] },
  'fmod by a number': { covers: ['fmod'], fn: (a) => ops.fmod(a, 0.7), inputs: [wide([2, 3])] },
  remainder: {
    covers: ['remainder'],
    fn: (a, b) => ops.remainder(a, b),
    inputs: [wide([2, 3]), positive([2, 1])],
  },
  atan2: {
    covers: ['atan2'],
    fn: (a, b) => ops.atan2(a, b),
    inputs: [
      [2, 3],
      [2, 1],
    ],
  },
  // Away from their steps and poles.
  ...Object.fromEntries(
    Object.entries({
      floor: ops.floor,
      ceil: ops.ceil,
      trunc: ops.trunc,
      round: ops.round,
      sign: ops.sign,
    }).map(([name, f]) => [
      name,
      { covers: [name], fn: (x: Tensor) => f(x), inputs: [constant([-2.7, -0.4, 0.3, 1.6])] },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries({
      sin: ops.sin,
      cos: ops.cos,
      tan: ops.tan,
      atan: ops.atan,
      sinh: ops.sinh,
      cosh: ops.cosh,
      asinh: ops.asinh,
      erf: ops.erf,
      expm1: ops.expm1,
      exp2: ops.exp2,
    }).map(([name, f]) => [name, { covers: [name], fn: (x: Tensor) => f(x), inputs: [[2, 3]] }]),
  ),
  ...Object.fromEntries(
    Object.entries({
      log1p: ops.log1p,
      log2: ops.log2,
      log10: ops.log10,
      reciprocal: ops.reciprocal,
      rsqrt: ops.rsqrt,
    }).map(([name, f]) => [name, { covers: [name], fn: (x: Tensor) => f(x), inputs: [positive([2, 3])] }]),
  ),
  ...Object.fromEntries(
    Object.entries({ asin: ops.asin, acos: ops.acos, atanh: ops.atanh }).map(([name, f]) => [
      name,
      { covers: [name], fn: (x: Tensor) => f(x), inputs: [constant([-0.8, -0.1, 0.4])] },
    ]),
  ),
  acosh: { covers: ['acosh'], fn: (x) => ops.acosh(x), inputs: [constant([1.2, 3])] },
  neg: { covers: ['neg'], fn: ops.neg, inputs: [[2, 3]] },
  affine: { covers: ['affine'], fn: (x) => ops.affine(x, -2, 3), inputs: [[2, 3]] },
  exp: { covers: ['exp'], fn: ops.exp, inputs: [[2, 3]] },
  log: { covers: ['log'], fn: ops.log, inputs: [positive([2, 3])] },
  sqrt: { covers: ['sqrt'], fn: ops.sqrt, inputs: [positive([2, 3])] },
  abs: { covers: ['abs'], fn: ops.abs, inputs: [[2, 3]] },
  square: { covers: ['square'], fn: ops.square, inputs: [[2, 3]] },
  'pow 3': { covers: ['pow'], fn: (x) => ops.pow(x, 3), inputs: [[2, 3]] },
  'pow -0.5': { covers: ['pow'], fn: (x) => ops.pow(x, -0.5), inputs: [positive([2, 3])] },
  'pow 0': { covers: ['pow'], fn: (x) => ops.pow(x, 0), inputs: [constant([0, 1, -2])] },

  'conv2d clamped': {
    covers: ['conv2d'],
    fn: (x, w, b) => ops.conv2d(x, w, b, { padding: 1, clamp: [-0.5, 2] }),
    inputs: [[2, 3, 4, 4], [2, 3, 3, 3], [2]],
  },
  'linear relu': {
    covers: ['linear'],
    fn: (x, w, b) => ops.linear(x, w, b, { clamp: [0, Number.POSITIVE_INFINITY] }),
    inputs: [[2, 3, 4], [5, 4], [5]],
  },
  'matmul clamped': {
    covers: ['matmul'],
    fn: (a, b) => ops.matmul(a, b, { clamp: [-1, 1.5] }),
    inputs: [
      [2, 3, 4],
      [4, 5],
    ],
  },
  'add relu6': {
    covers: ['add'],
    fn: (a, b) => ops.add(a, b, { clamp: [0, 6] }),
    inputs: [wide([2, 3, 4]), [3, 1]],
  },
  'add number, clamped': {
    covers: ['add'],
    fn: (x) => ops.add(x, 1, { clamp: [-1, 2] }),
    inputs: [wide([2, 3])],
  },
  'mul clamped': {
    covers: ['mul'],
    fn: (a, b) => ops.mul(a, b, { clamp: [-2, 3] }),
    inputs: [wide([2, 3, 4]), [3, 1]],
  },
  'mul number, relu': {
    covers: ['mul'],
    fn: (x) => ops.mul(x, -2, { clamp: [0, Number.POSITIVE_INFINITY] }),
    inputs: [wide([2, 3])],
  },
  relu: { covers: ['relu'], fn: ops.relu, inputs: [wide([2, 3, 4])] },
  // With what arguments they have by default.
  ...Object.fromEntries(
    Object.entries(activations).map(([name, f]) => [
      name,
      { covers: [name], fn: (x: Tensor) => f(x), inputs: [wide([2, 3, 4])] },
    ]),
  ),
  'celu 0.5': { covers: ['celu'], fn: (x) => ops.celu(x, 0.5), inputs: [wide([2, 3, 4])] },
  'softshrink 2': { covers: ['softshrink'], fn: (x) => ops.softshrink(x, 2), inputs: [wide([2, 3, 4])] },
  threshold: { covers: ['threshold'], fn: (x) => ops.threshold(x, 0.5, -3), inputs: [wide([2, 3, 4])] },
  prelu: { covers: ['prelu'], fn: (x, w) => ops.prelu(x, w), inputs: [wide([2, 3, 4]), [1]] },
  'prelu of channels': {
    covers: ['prelu'],
    fn: (x, w) => ops.prelu(x, w),
    inputs: [wide([2, 3, 4, 2]), [3]],
  },
  'prelu of rows': { covers: ['prelu'], fn: (x, w) => ops.prelu(x, w), inputs: [wide([4, 3]), [3]] },
  glu: { covers: ['glu'], fn: (x) => ops.glu(x), inputs: [wide([2, 3, 4])] },
  'glu of channels': { covers: ['glu'], fn: (x) => ops.glu(x, 1), inputs: [wide([2, 4, 3, 2])] },
  rrelu: { covers: ['rrelu'], fn: (x) => ops.rrelu(x), inputs: [wide([2, 3, 4])] },
  'rrelu in training': {
    covers: ['rrelu'],
    fn: (x) => ops.rrelu(x, 0.1, 0.6, { training: true, generator: new Generator(3) }),
    inputs: [wide([2, 3, 4])],
  },
  'leakyRelu 0.2': { covers: ['leakyRelu'], fn: (x) => ops.leakyRelu(x, 0.2), inputs: [wide([2, 3, 4])] },
  clamp: { covers: ['clamp'], fn: (x) => ops.clamp(x, -2, 1), inputs: [wide([2, 3, 4])] },
  clampMin: { covers: ['clampMin'], fn: (x) => ops.clampMin(x, -2), inputs: [wide([2, 3, 4])] },
  clampMax: { covers: ['clampMax'], fn: (x) => ops.clampMax(x, 1), inputs: [wide([2, 3, 4])] },
  'clamp below': { covers: ['clamp'], fn: (x) => ops.clamp(x, -2), inputs: [wide([2, 3, 4])] },
  hardtanh: { covers: ['hardtanh'], fn: (x) => ops.hardtanh(x, -2, 3), inputs: [wide([2, 3, 4])] },

  'softmax first': { covers: ['softmax'], fn: (x) => ops.softmax(x, 0), inputs: [[3, 2, 4]] },
  'softmax middle': { covers: ['softmax'], fn: (x) => ops.softmax(x, 1), inputs: [[3, 2, 4]] },
  'softmax image': { covers: ['softmax'], fn: (x) => ops.softmax(x, -3), inputs: [[2, 3, 2, 2]] },
  logSoftmax: { covers: ['logSoftmax'], fn: (x) => ops.logSoftmax(x, 1), inputs: [[2, 3, 2, 2]] },
  'logSoftmax last': { covers: ['logSoftmax'], fn: (x) => ops.logSoftmax(x, -1), inputs: [[3, 4]] },

  sum: { covers: ['sum'], fn: (x) => ops.sum(x), inputs: [[2, 3, 4]] },
  'sum of two dims': { covers: ['sum'], fn: (x) => ops.sum(x, [0, 2]), inputs: [[2, 3, 4]] },
  'sum keepDim': { covers: ['sum'], fn: (x) => ops.sum(x, [-1, 1], true), inputs: [[2, 3, 2, 2]] },
  'sum of no dim': { covers: ['sum'], fn: (x) => ops.sum(x, []), inputs: [[2, 3]] },
  mean: { covers: ['mean'], fn: (x) => ops.mean(x), inputs: [[2, 3, 4]] },
  'mean of dims': { covers: ['mean'], fn: (x) => ops.mean(x, [2, 3]), inputs: [[2, 3, 2, 2]] },
  'mean keepDim': { covers: ['mean'], fn: (x) => ops.mean(x, 1, true), inputs: [[2, 3, 4]] },
  variance: { covers: ['variance'], fn: (x) => ops.variance(x), inputs: [[2, 3]] },
  'variance biased': {
    covers: ['variance'],
    fn: (x) => ops.variance(x, [0, 2], { correction: 0, keepDim: true }),
    inputs: [[2, 3, 2]],
  },
  'variance of dims': { covers: ['variance'], fn: (x) => ops.variance(x, [0, 2, 3]), inputs: [[2, 3, 2, 2]] },
  amax: { covers: ['amax'], fn: (x) => ops.amax(x), inputs: [[2, 3]] },
  'amax of dims': { covers: ['amax'], fn: (x) => ops.amax(x, [1, 3]), inputs: [[2, 3, 2, 2]] },
  'amax keepDim': { covers: ['amax'], fn: (x) => ops.amax(x, -1, true), inputs: [[2, 3]] },

  amin: { covers: ['amin'], fn: (x) => ops.amin(x, [0, 2]), inputs: [[2, 3, 2]] },
  prod: { covers: ['prod'], fn: (x) => ops.prod(x), inputs: [[2, 3]] },
  'prod of a dim': { covers: ['prod'], fn: (x) => ops.prod(x, 1, true), inputs: [[2, 3, 2]] },
  cumsum: { covers: ['cumsum'], fn: (x) => ops.cumsum(x, 1), inputs: [[2, 3, 2]] },
  cumprod: { covers: ['cumprod'], fn: (x) => ops.cumprod(x, -1), inputs: [[2, 3]] },
  std: { covers: ['std'], fn: (x) => ops.std(x, 1), inputs: [[2, 3, 2]] },
  norm: { covers: ['norm'], fn: (x) => ops.norm(x), inputs: [[2, 3]] },
  'norm of a dim': {
    covers: ['norm'],
    fn: (x) => ops.norm(x, 2, { dims: 1, keepDim: true }),
    inputs: [[2, 3, 2]],
  },
  'norm 3': { covers: ['norm'], fn: (x) => ops.norm(x, 3, { dims: [0] }), inputs: [[2, 3]] },
  'norm infinity': {
    covers: ['norm'],
    fn: (x) => ops.norm(x, Number.POSITIVE_INFINITY, { dims: 0 }),
    inputs: [[2, 3]],
  },
  logsumexp: { covers: ['logsumexp'], fn: (x) => ops.logsumexp(x, 1), inputs: [[2, 3, 2]] },
  'logsumexp keepDim': { covers: ['logsumexp'], fn: (x) => ops.logsumexp(x, [0, 1], true), inputs: [[2, 3]] },
  sort: { covers: ['sort'], fn: (x) => tidy(() => ops.sort(x, 1)[0]), inputs: [[2, 3, 2]] },
  topk: { covers: ['topk'], fn: (x) => tidy(() => ops.topk(x, 2, { largest: false })[0]), inputs: [[2, 3]] },
  gather: {
    covers: ['gather'],
    fn: (x) => ops.gather(x, 1, ints([0, 2, 2, 1], [1, 4, 1])),
    inputs: [[2, 3, 2]],
  },
  takeAlongDim: {
    covers: ['takeAlongDim'],
    fn: (x) => ops.takeAlongDim(x, ints([0, 2], [1, 2, 1]), 1),
    inputs: [[2, 3, 2]],
  },
  'takeAlongDim, broadcast': {
    covers: ['takeAlongDim'],
    fn: (x) => ops.takeAlongDim(x, ints([0, 2, 1, 1], [2, 2]), 1),
    inputs: [[1, 3]],
  },
  scatter: {
    covers: ['scatter'],
    fn: (x, src) => ops.scatter(x, 1, ints([0, 2, 1, 0], [2, 2]), src),
    inputs: [
      [3, 3],
      [2, 3],
    ],
  },
  'scatter a number': {
    covers: ['scatter'],
    fn: (x) => ops.scatter(x, 0, ints([0, 2], [2, 1]), 3),
    inputs: [[3, 2]],
  },
  scatterAdd: {
    covers: ['scatterAdd'],
    fn: (x, src) => ops.scatterAdd(x, 1, ints([0, 0, 1, 1], [2, 2]), src),
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  'scatterReduce mean': {
    covers: ['scatterReduce'],
    fn: (x, src) => ops.scatterReduce(x, 1, ints([0, 0, 1, 1], [2, 2]), src, 'mean'),
    inputs: [
      [2, 3],
      [2, 2],
    ],
  },
  'scatterReduce amax': {
    covers: ['scatterReduce'],
    fn: (x, src) => ops.scatterReduce(x, 1, ints([0, 0, 1, 1], [2, 2]), src, 'amax'),
    inputs: [
      [2, 3],
      [2, 2],
    ],
  },
  'scatterReduce amin, without x': {
    covers: ['scatterReduce'],
    fn: (x, src) => ops.scatterReduce(x, 1, ints([0, 0, 1, 1], [2, 2]), src, 'amin', { includeSelf: false }),
    inputs: [
      [2, 3],
      [2, 2],
    ],
  },
  indexSelect: {
    covers: ['indexSelect'],
    fn: (x) => ops.indexSelect(x, 1, ints([2, 0, 2])),
    inputs: [[2, 3, 2]],
  },
  indexAdd: {
    covers: ['indexAdd'],
    fn: (x, src) => ops.indexAdd(x, 1, ints([2, 2]), src, { alpha: 2 }),
    inputs: [
      [2, 3, 2],
      [2, 2, 2],
    ],
  },
  index: {
    covers: ['index'],
    fn: (x) => ops.index(x, [null, ints([2, -1]), ints([0, 1])]),
    inputs: [[2, 3, 2]],
  },
  maskedSelect: {
    covers: ['maskedSelect'],
    fn: (x) => ops.maskedSelect(x, mask([1, 0, 1], [3])),
    inputs: [[2, 3]],
  },
  tril: { covers: ['tril'], fn: (x) => ops.tril(x, 1), inputs: [[2, 3, 3]] },
  triu: { covers: ['triu'], fn: (x) => ops.triu(x), inputs: [[3, 4]] },

  bmm: {
    covers: ['bmm'],
    fn: (a, b) => ops.bmm(a, b),
    inputs: [
      [2, 2, 3],
      [2, 3, 2],
    ],
  },
  dot: { covers: ['dot'], fn: (a, b) => ops.dot(a, b), inputs: [[3], [3]] },
  outer: { covers: ['outer'], fn: (a, b) => ops.outer(a, b), inputs: [[2], [3]] },
  trace: { covers: ['trace'], fn: (x) => ops.trace(x), inputs: [[3, 2]] },
  einsum: {
    covers: ['einsum'],
    fn: (a, b, c) => ops.einsum('bij,bjk,k->bi', a, b, c),
    inputs: [[2, 3, 2], [2, 2, 3], [3]],
  },
  'einsum of one': { covers: ['einsum'], fn: (a) => ops.einsum('iij->j', a), inputs: [[3, 3, 2]] },
  unfold: {
    covers: ['unfold'],
    fn: (x) => ops.unfold(x, 2, { padding: 1, stride: 2 }),
    inputs: [[1, 2, 3, 4]],
  },
  fold: { covers: ['fold'], fn: (x) => ops.fold(x, [3, 4], 2, { padding: 1 }), inputs: [[1, 4, 20]] },
  diag: { covers: ['diag'], fn: (x) => ops.diag(x, 1), inputs: [[3]] },
  'diag of a matrix': { covers: ['diag'], fn: (x) => ops.diag(x, -1), inputs: [[3, 4]] },
  diagonal: { covers: ['diagonal'], fn: (x) => ops.diagonal(x, 1), inputs: [[2, 2, 3]] },
  meshgrid: { covers: ['meshgrid'], fn: (a, b) => ops.meshgrid([a, b]), inputs: [[2], [3]] },
  channelShuffle: { covers: ['channelShuffle'], fn: (x) => ops.channelShuffle(x, 2), inputs: [[1, 4, 2, 1]] },
  pixelShuffle: { covers: ['pixelShuffle'], fn: (x) => ops.pixelShuffle(x, 2), inputs: [[1, 4, 2, 1]] },
  pixelUnshuffle: { covers: ['pixelUnshuffle'], fn: (x) => ops.pixelUnshuffle(x, 2), inputs: [[1, 1, 2, 4]] },
  flip: { covers: ['flip'], fn: (x) => ops.flip(x, [0, 1]), inputs: [[2, 3]] },
  roll: { covers: ['roll'], fn: (x) => ops.roll(x, [1, -1], [0, 1]), inputs: [[2, 3]] },
  tile: { covers: ['tile'], fn: (x) => ops.tile(x, [2, 1, 2]), inputs: [[2, 3]] },
  repeat: { covers: ['repeat'], fn: (x) => ops.repeat(x, [2, 2]), inputs: [[2, 3]] },
  repeatInterleave: {
    covers: ['repeatInterleave'],
    fn: (x) => ops.repeatInterleave(x, 2, 1),
    inputs: [[2, 3]],
  },
  split: { covers: ['split'], fn: (x) => ops.split(x, [1, 2], 1), inputs: [[2, 3]] },
  unbind: { covers: ['unbind'], fn: (x) => ops.unbind(x, 1), inputs: [[2, 3]] },
  narrow: { covers: ['narrow'], fn: (x) => ops.narrow(x, 1, -2, 1), inputs: [[2, 3]] },
  windows: { covers: ['windows'], fn: (x) => ops.windows(x, 1, 2, 1), inputs: [[2, 4]] },
  boxIou: {
    covers: ['boxIou'],
    fn: (a, b) => ops.boxIou(a, b),
    inputs: [
      (dtype) => fromData([0, 0, 4, 5, 2, 1, 6, 7], [2, 4], { dtype }),
      (dtype) => fromData([1, 2, 5, 4, 0.5, 0.5, 1.5, 8], [2, 4], { dtype }),
    ],
  },

  'nllLoss mean': {
    covers: ['nllLoss'],
    fn: (x) => ops.nllLoss(x, ints([2, 0, 1])),
    inputs: [[3, 4]],
  },
  'nllLoss weighted, one ignored': {
    covers: ['nllLoss'],
    fn: (x) =>
      ops.nllLoss(x, ints([2, 9, 1]), { weight: like(x, [1, 2, 3, 4]), ignoreIndex: 9, reduction: 'none' }),
    inputs: [[3, 4]],
  },
  crossEntropy: {
    covers: ['crossEntropy'],
    fn: (x) => ops.crossEntropy(x, ints([2, 0, 1])),
    inputs: [[3, 4]],
  },
  'crossEntropy of one sample': {
    covers: ['crossEntropy'],
    fn: (x) => ops.crossEntropy(x, ints([2], [])),
    inputs: [[4]],
  },
  'crossEntropy of images': {
    covers: ['crossEntropy'],
    fn: (x) => ops.crossEntropy(x, ints([0, 2, 1, 1, 0, 2, 2, 2], [2, 2, 2]), { reduction: 'sum' }),
    inputs: [[2, 3, 2, 2]],
  },
  'crossEntropy with everything': {
    covers: ['crossEntropy'],
    fn: (x) =>
      ops.crossEntropy(x, ints([0, 2, 1, 1], [2, 2]), {
        weight: like(x, [0, 0.5, 2]),
        ignoreIndex: 1,
        labelSmoothing: 0.2,
      }),
    inputs: [[2, 3, 2]],
  },
  'crossEntropy smoothed': {
    covers: ['crossEntropy'],
    fn: (x) => ops.crossEntropy(x, ints([2, -100, 1]), { labelSmoothing: 0.1, reduction: 'none' }),
    inputs: [[3, 4]],
  },
  smoothL1Loss: {
    covers: ['smoothL1Loss'],
    fn: (a, b) => ops.smoothL1Loss(a, b),
    inputs: [wide([2, 5]), [2, 5]],
  },
  'smoothL1Loss, beta': {
    covers: ['smoothL1Loss'],
    fn: (a, b) => ops.smoothL1Loss(a, b, { beta: 0.3, reduction: 'none' }),
    inputs: [
      [2, 5],
      [2, 5],
    ],
  },
  'smoothL1Loss without a parabola': {
    covers: ['smoothL1Loss'],
    fn: (a, b) => ops.smoothL1Loss(a, b, { beta: 0, reduction: 'sum' }),
    inputs: [[5], [5]],
  },
  huberLoss: {
    covers: ['huberLoss'],
    fn: (a, b) => ops.huberLoss(a, b, { delta: 1.5 }),
    inputs: [wide([2, 5]), [2, 5]],
  },
  binaryCrossEntropy: {
    covers: ['binaryCrossEntropy'],
    fn: (x, y) => ops.binaryCrossEntropy(x, y),
    inputs: [share([2, 3]), positive([2, 3])],
  },
  'binaryCrossEntropy weighted': {
    covers: ['binaryCrossEntropy'],
    fn: (x, y, weight) => ops.binaryCrossEntropy(x, y, { weight, reduction: 'sum' }),
    inputs: [share([2, 3]), positive([2, 3]), positive([3])],
  },
  binaryCrossEntropyWithLogits: {
    covers: ['binaryCrossEntropyWithLogits'],
    fn: (x, y) => ops.binaryCrossEntropyWithLogits(x, y),
    inputs: [wide([2, 3]), positive([2, 3])],
  },
  'binaryCrossEntropyWithLogits weighted': {
    covers: ['binaryCrossEntropyWithLogits'],
    fn: (x, y, weight, posWeight) =>
      ops.binaryCrossEntropyWithLogits(x, y, { weight, posWeight, reduction: 'none' }),
    inputs: [[2, 3], positive([2, 3]), positive([2, 1]), positive([3])],
  },
  klDiv: {
    covers: ['klDiv'],
    fn: (x, y) => ops.klDiv(x, y),
    inputs: [[2, 3], positive([2, 3])],
  },
  'klDiv of logarithms': {
    covers: ['klDiv'],
    fn: (x, y) => ops.klDiv(x, y, { logTarget: true, reduction: 'batchMean' }),
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  cosineSimilarity: {
    covers: ['cosineSimilarity'],
    fn: (a, b) => ops.cosineSimilarity(a, b),
    inputs: [
      [2, 4, 3],
      [2, 4, 3],
    ],
  },
  'cosineSimilarity broadcast': {
    covers: ['cosineSimilarity'],
    fn: (a, b) => ops.cosineSimilarity(a, b, { dim: -1 }),
    inputs: [[2, 3], [3]],
  },
  cosineEmbeddingLoss: {
    covers: ['cosineEmbeddingLoss'],
    fn: (a, b) => ops.cosineEmbeddingLoss(a, b, ints([1, -1, -1, 1]), { margin: -0.9 }),
    inputs: [
      [4, 5],
      [4, 5],
    ],
  },
  pairwiseDistance: {
    covers: ['pairwiseDistance'],
    fn: (a, b) => ops.pairwiseDistance(a, b),
    inputs: [
      [2, 5],
      [2, 5],
    ],
  },
  'pairwiseDistance of other norms': {
    covers: ['pairwiseDistance'],
    fn: (a, b) =>
      [1, 3, Number.POSITIVE_INFINITY].map((p) => ops.pairwiseDistance(a, b, { p, keepDim: true })),
    inputs: [[2, 5], [5]],
  },
  tripletMarginLoss: {
    covers: ['tripletMarginLoss'],
    fn: (a, p, n) => ops.tripletMarginLoss(a, p, n, { margin: 3 }),
    inputs: [
      [4, 5],
      [4, 5],
      [4, 5],
    ],
  },
  'tripletMarginLoss swapped': {
    covers: ['tripletMarginLoss'],
    fn: (a, p, n) => ops.tripletMarginLoss(a, p, n, { margin: 3, swap: true, reduction: 'none' }),
    inputs: [
      [6, 5],
      [6, 5],
      [6, 5],
    ],
  },
  ctcLoss: {
    covers: ['ctcLoss'],
    fn: (x) => ops.ctcLoss(x, [[1, 2, 2], [3]]),
    inputs: [[6, 2, 4]],
  },
  'ctcLoss of other lengths': {
    covers: ['ctcLoss'],
    fn: (x) =>
      ops.ctcLoss(x, [[0, 0], [], [1, 0, 1]], [5, 2, 4], undefined, {
        blank: 3,
        reduction: 'none',
      }),
    inputs: [[5, 3, 4]],
  },
  mseLoss: {
    covers: ['mseLoss'],
    fn: (a, b) => ops.mseLoss(a, b),
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  'mseLoss sum': {
    covers: ['mseLoss'],
    fn: (a, b) => ops.mseLoss(a, b, { reduction: 'sum' }),
    inputs: [[3], [3]],
  },
  'mseLoss none': {
    covers: ['mseLoss'],
    fn: (a, b) => ops.mseLoss(a, b, { reduction: 'none' }),
    inputs: [[3], [3]],
  },
  l1Loss: {
    covers: ['l1Loss'],
    fn: (a, b) => ops.l1Loss(a, b),
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },

  attention: {
    covers: ['scaledDotProductAttention'],
    fn: (q, k, v) => ops.scaledDotProductAttention(q, k, v),
    inputs: [
      [2, 2, 3, 4],
      [2, 2, 5, 4],
      [2, 2, 5, 3],
    ],
  },
  'attention, causal, fewer heads of keys': {
    covers: ['scaledDotProductAttention'],
    fn: (q, k, v) => ops.scaledDotProductAttention(q, k, v, { isCausal: true, enableGqa: true, scale: 0.7 }),
    inputs: [
      [1, 4, 3, 2],
      [1, 2, 4, 2],
      [1, 2, 4, 3],
    ],
  },
  'attention, masked, a row throughout': {
    covers: ['scaledDotProductAttention'],
    fn: (q, k, v) =>
      ops.scaledDotProductAttention(q, k, v, {
        attnMask: once('mask', () => fromData([1, 0, 1, 0, 0, 0, 1, 1, 0], [3, 3], { dtype: 'bool' })),
      }),
    inputs: [
      [2, 3, 4],
      [2, 3, 4],
      [2, 3, 2],
    ],
  },
  'attention of one head, mask with gradient': {
    covers: ['scaledDotProductAttention'],
    fn: (q, k, v, attnMask) => ops.scaledDotProductAttention(q, k, v, { attnMask }),
    inputs: [
      [3, 4],
      [2, 4],
      [2, 3],
      [3, 1],
    ],
  },
  'rotaryEmbedding, the last column stays': {
    covers: ['rotaryEmbedding'],
    fn: (x, cos, sin) => ops.rotaryEmbedding(x, cos, sin),
    inputs: [
      [2, 3, 5],
      [3, 2],
      [3, 2],
    ],
  },
  'rotaryEmbedding of neighbours': {
    covers: ['rotaryEmbedding'],
    fn: (x, cos, sin) => ops.rotaryEmbedding(x, cos, sin, { interleaved: true }),
    inputs: [
      [2, 3, 4],
      [2, 1, 2],
      [2, 1, 2],
    ],
  },
  'matmul 2d': {
    covers: ['matmul'],
    fn: (a, b) => ops.matmul(a, b),
    inputs: [
      [2, 3],
      [3, 4],
    ],
  },
  'matmul dot': { covers: ['matmul'], fn: (a, b) => ops.matmul(a, b), inputs: [[3], [3]] },
  'matmul row': { covers: ['matmul'], fn: (a, b) => ops.matmul(a, b), inputs: [[3], [2, 3, 2]] },
  'matmul column': { covers: ['matmul'], fn: (a, b) => ops.matmul(a, b), inputs: [[2, 2, 3], [3]] },
  'matmul batches with a matrix': {
    covers: ['matmul'],
    fn: (a, b) => ops.matmul(a, b),
    inputs: [
      [2, 2, 3, 2],
      [2, 3],
    ],
  },
  'matmul matrix with batches': {
    covers: ['matmul'],
    fn: (a, b) => ops.matmul(a, b),
    inputs: [
      [2, 3],
      [2, 3, 2],
    ],
  },
  'matmul batches': {
    covers: ['matmul'],
    fn: (a, b) => ops.matmul(a, b),
    inputs: [
      [2, 3, 2],
      [2, 2, 3],
    ],
  },
  'matmul broadcast batches': {
    covers: ['matmul'],
    fn: (a, b) => ops.matmul(a, b),
    inputs: [
      [2, 1, 3, 2],
      [3, 2, 2],
    ],
  },
  'matmul of transposed': {
    covers: ['matmul', 'transpose'],
    fn: (a, b) => ops.matmul(ops.transpose(a, 0, 1), ops.transpose(b, 1, 2)),
    inputs: [
      [3, 2],
      [2, 2, 3],
    ],
  },
  linear: {
    covers: ['linear'],
    fn: (x, weight, bias) => ops.linear(x, weight, bias),
    inputs: [[2, 3], [4, 3], [4]],
  },
  'linear 3d': {
    covers: ['linear'],
    fn: (x, weight, bias) => ops.linear(x, weight, bias),
    inputs: [[2, 2, 3], [4, 3], [4]],
  },
  'linear 1d': {
    covers: ['linear'],
    fn: (x, weight, bias) => ops.linear(x, weight, bias),
    inputs: [[3], [4, 3]],
  },
  conv2d: {
    covers: ['conv2d'],
    fn: (x, w, b) => ops.conv2d(x, w, b),
    inputs: [[2, 2, 4, 5], [3, 2, 3, 2], [3]],
  },
  'conv2d strided, padded, dilated': {
    covers: ['conv2d'],
    fn: (x, w, b) => ops.conv2d(x, w, b, { stride: [2, 1], padding: [1, 2], dilation: [1, 2] }),
    inputs: [[1, 2, 5, 4], [3, 2, 3, 2], [3]],
  },
  'conv2d in groups': {
    covers: ['conv2d'],
    fn: (x, w) => ops.conv2d(x, w, undefined, { groups: 2, padding: 1 }),
    inputs: [
      [2, 4, 3, 3],
      [6, 2, 3, 3],
    ],
  },
  'conv2d depthwise': {
    covers: ['conv2d'],
    fn: (x, w) => ops.conv2d(x, w, undefined, { groups: 3, stride: 2, padding: 1 }),
    inputs: [
      [2, 3, 4, 5],
      [3, 1, 3, 3],
    ],
  },
  conv2dRelu: {
    covers: ['conv2dRelu'],
    fn: (x, w, b) => ops.conv2dRelu(x, w, b, { stride: [2, 1], padding: 1 }),
    inputs: [[2, 2, 4, 5], [3, 2, 3, 2], [3]],
  },
  'conv2dRelu depthwise': {
    covers: ['conv2dRelu'],
    fn: (x, w) => ops.conv2dRelu(x, w, undefined, { groups: 3 }),
    inputs: [
      [2, 3, 4, 5],
      [3, 1, 3, 3],
    ],
  },
  'conv2d pointwise': {
    covers: ['conv2d'],
    fn: (x, w) => ops.conv2d(x, w),
    inputs: [
      [2, 3, 2, 2],
      [4, 3, 1, 1],
    ],
  },

  conv1d: {
    covers: ['conv1d'],
    fn: (x, w, b) => ops.conv1d(x, w, b),
    inputs: [[2, 2, 7], [3, 2, 3], [3]],
  },
  'conv1d strided, padded, dilated, in groups': {
    covers: ['conv1d'],
    fn: (x, w, b) => ops.conv1d(x, w, b, { stride: 2, padding: [3], dilation: 2, groups: 2 }),
    inputs: [[2, 4, 6], [6, 2, 3], [6]],
  },
  'conv1d depthwise, clamped': {
    covers: ['conv1d'],
    fn: (x, w) => ops.conv1d(x, w, undefined, { groups: 3, padding: 1, clamp: [-0.5, 1] }),
    inputs: [
      [2, 3, 5],
      [3, 1, 3],
    ],
  },
  convTranspose2d: {
    covers: ['convTranspose2d'],
    fn: (x, w, b) => ops.convTranspose2d(x, w, b),
    inputs: [[2, 3, 3, 4], [3, 2, 3, 2], [2]],
  },
  'convTranspose2d with everything': {
    covers: ['convTranspose2d'],
    fn: (x, w, b) =>
      ops.convTranspose2d(x, w, b, {
        stride: [2, 3],
        padding: 1,
        outputPadding: [1, 0],
        dilation: [2, 1],
        groups: 2,
      }),
    inputs: [[2, 4, 3, 2], [4, 3, 2, 3], [6]],
  },
  'convTranspose2d depthwise': {
    covers: ['convTranspose2d'],
    fn: (x, w) => ops.convTranspose2d(x, w, undefined, { groups: 3, stride: 2 }),
    inputs: [
      [1, 3, 3, 2],
      [3, 1, 2, 2],
    ],
  },
  convTranspose1d: {
    covers: ['convTranspose1d'],
    fn: (x, w, b) => ops.convTranspose1d(x, w, b, { stride: 2, padding: 1, outputPadding: 1 }),
    inputs: [[2, 3, 5], [3, 2, 3], [2]],
  },
  'interpolate nearest': {
    covers: ['interpolate'],
    fn: (x) => ops.interpolate(x, { scaleFactor: 2 }),
    inputs: [[2, 3, 2, 3]],
  },
  'interpolate nearest-exact, smaller': {
    covers: ['interpolate'],
    fn: (x) => ops.interpolate(x, { size: [2, 7], mode: 'nearest-exact' }),
    inputs: [[1, 2, 5, 4]],
  },
  'interpolate bilinear': {
    covers: ['interpolate'],
    fn: (x) => ops.interpolate(x, { size: [5, 3], mode: 'bilinear' }),
    inputs: [[2, 2, 3, 4]],
  },
  'interpolate bicubic, corners aligned': {
    covers: ['interpolate'],
    fn: (x) => ops.interpolate(x, { scaleFactor: [1.7, 0.6], mode: 'bicubic', alignCorners: true }),
    inputs: [[1, 2, 4, 5]],
  },
  'interpolate linear': {
    covers: ['interpolate'],
    fn: (x) => ops.interpolate(x, { scaleFactor: 1.5, mode: 'linear' }),
    inputs: [[2, 3, 4]],
  },
  resample2d: {
    covers: ['resample2d'],
    fn: (x) =>
      ops.resample2d(
        x,
        { index: Int32Array.of(1, 0, 0, 2), weight: Float32Array.of(0.5, 0.25, 0, -1) },
        { index: Int32Array.of(1), weight: Float32Array.of(2) },
        [2, 1],
      ),
    inputs: [[1, 2, 3, 2]],
  },
  maxPool1d: {
    covers: ['maxPool1d'],
    fn: (x) => ops.maxPool1d(x, 3, { stride: 2, padding: 1, dilation: 2 }),
    inputs: [[2, 3, 9]],
  },
  'maxPool2d in ceil mode': {
    covers: ['maxPool2d'],
    fn: (x) => ops.maxPool2d(x, 3, { stride: 2, ceilMode: true }),
    inputs: [[1, 2, 4, 6]],
  },
  'avgPool2d in ceil mode': {
    covers: ['avgPool2d'],
    fn: (x) => ops.avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true }),
    inputs: [[1, 2, 4, 6]],
  },
  avgPool1d: {
    covers: ['avgPool1d'],
    fn: (x) => ops.avgPool1d(x, 3, { stride: 2, padding: 1, countIncludePad: false }),
    inputs: [[2, 3, 8]],
  },
  adaptiveAvgPool1d: {
    covers: ['adaptiveAvgPool1d'],
    fn: (x) => ops.adaptiveAvgPool1d(x, 3),
    inputs: [[2, 3, 7]],
  },

  'maxPool with indices': {
    covers: ['maxPool1dWithIndices', 'maxPool2dWithIndices'],
    fn: (row, image) =>
      // The places go: nobody takes them.
      tidy(() => [
        ops.maxPool1dWithIndices(row, 2)[0],
        ops.maxPool2dWithIndices(image, 3, { stride: 2, padding: 1 })[0],
      ]),
    inputs: [
      [2, 2, 5],
      [2, 2, 5, 4],
    ],
  },
  'adaptiveMaxPool of equal windows': {
    covers: ['adaptiveMaxPool1d', 'adaptiveMaxPool2d'],
    fn: (row, image) => [ops.adaptiveMaxPool1d(row, 3), ops.adaptiveMaxPool2d(image, [2, 1])],
    inputs: [
      [2, 2, 6],
      [2, 2, 4, 3],
    ],
  },
  'adaptiveMaxPool of overlapping windows': {
    covers: ['adaptiveMaxPool1dWithIndices', 'adaptiveMaxPool2dWithIndices'],
    fn: (row, image) =>
      tidy(() => [
        ops.adaptiveMaxPool1dWithIndices(row, 3)[0],
        ops.adaptiveMaxPool2dWithIndices(image, [3, 4])[0],
      ]),
    inputs: [
      [2, 2, 7],
      [2, 2, 5, 6],
    ],
  },
  maxUnpool: {
    covers: ['maxUnpool1d', 'maxUnpool2d'],
    fn: (row, image) => [
      ops.maxUnpool1d(row, ints([0, 3, 5], [1, 1, 3]), 2),
      ops.maxUnpool2d(image, ints([1, 6, 8, 11], [1, 1, 2, 2]), 2, { outputSize: [4, 5] }),
    ],
    inputs: [
      [1, 1, 3],
      [1, 1, 2, 2],
    ],
  },
  bilinear: {
    covers: ['bilinear'],
    fn: (a, b, weight, bias) => [ops.bilinear(a, b, weight, bias), ops.bilinear(a, b, weight)],
    inputs: [[2, 3], [2, 4], [5, 3, 4], [5]],
  },
  alphaDropout: {
    covers: ['alphaDropout', 'featureAlphaDropout'],
    fn: (x) => [
      ops.alphaDropout(x, 0.4, { generator: new Generator(3) }),
      ops.featureAlphaDropout(x, 0.4, { generator: new Generator(3) }),
    ],
    inputs: [[2, 3, 4]],
  },
  'conv1d and conv2d padded by name and by the input': {
    covers: ['conv1d', 'conv2d'],
    fn: (row, image, k1, k2) => [
      ops.conv1d(row, k1, undefined, { padding: 'same', dilation: 3 }),
      ops.conv1d(row, k1, undefined, { padding: 2, paddingMode: 'circular' }),
      ops.conv2d(image, k2, undefined, { padding: 'same' }),
      ops.conv2d(image, k2, undefined, { padding: 'same', paddingMode: 'replicate', dilation: [1, 2] }),
      ops.conv2d(image, k2, undefined, { padding: [1, 2], paddingMode: 'reflect', stride: 2 }),
    ],
    inputs: [
      [1, 2, 6],
      [1, 2, 5, 4],
      [3, 2, 2],
      [3, 2, 3, 2],
    ],
  },
  maxPool2d: { covers: ['maxPool2d'], fn: (x) => ops.maxPool2d(x, 2), inputs: [[2, 2, 5, 4]] },
  'maxPool2d overlapping': {
    covers: ['maxPool2d'],
    fn: (x) => ops.maxPool2d(x, [3, 2], { stride: [1, 2], padding: 1, dilation: [1, 2] }),
    inputs: [[1, 2, 4, 5]],
  },
  avgPool2d: { covers: ['avgPool2d'], fn: (x) => ops.avgPool2d(x, 2), inputs: [[2, 2, 5, 4]] },
  'avgPool2d padded': {
    covers: ['avgPool2d'],
    fn: (x) => ops.avgPool2d(x, 3, { stride: 2, padding: 1 }),
    inputs: [[1, 2, 4, 5]],
  },
  'avgPool2d without padding counted': {
    covers: ['avgPool2d'],
    fn: (x) => ops.avgPool2d(x, [3, 2], { stride: 1, padding: 1, countIncludePad: false }),
    inputs: [[1, 2, 4, 3]],
  },
  adaptiveAvgPool2d: {
    covers: ['adaptiveAvgPool2d'],
    fn: (x) => ops.adaptiveAvgPool2d(x, 1),
    inputs: [[2, 2, 3, 4]],
  },
  'adaptiveAvgPool2d uneven': {
    covers: ['adaptiveAvgPool2d'],
    fn: (x) => ops.adaptiveAvgPool2d(x, [3, 2]),
    inputs: [[1, 2, 5, 3]],
  },

  'batchNorm training': {
    covers: ['batchNorm'],
    fn: (x, weight, bias) => ops.batchNorm(x, { weight, bias, training: true }),
    inputs: [[2, 3, 2, 2], [3], [3]],
  },
  'batchNorm training [N, C]': {
    covers: ['batchNorm'],
    fn: (x) => ops.batchNorm(x, { training: true, eps: 0.1 }),
    inputs: [[4, 3]],
  },
  'batchNorm training [N, C, L], no weight': {
    covers: ['batchNorm'],
    fn: (x, bias) => ops.batchNorm(x, { bias, training: true }),
    inputs: [[2, 3, 4], [3]],
  },
  'batchNorm evaluating': {
    covers: ['batchNorm'],
    fn: (x, weight, bias) => {
      const runningMean = like(x, [0.5, -1, 2]);
      const runningVar = like(x, [1, 0.5, 3]);
      return ops.batchNorm(x, { runningMean, runningVar, weight, bias });
    },
    inputs: [[2, 3, 2, 2], [3], [3]],
  },
  layerNorm: {
    covers: ['layerNorm'],
    fn: (x, w, b) => ops.layerNorm(x, [2, 4], w, b),
    inputs: [
      [3, 2, 4],
      [2, 4],
      [2, 4],
    ],
  },
  lstmLayer: {
    covers: ['lstmLayer'],
    fn: (x, weight, h0, c0, bias) => ops.lstmLayer(x, weight, h0, c0, bias),
    inputs: [[3, 2, 8], [8, 2], [2, 2], [2, 2], [8]],
  },
  'lstmLayer, one step without bias': {
    covers: ['lstmLayer'],
    fn: (x, weight, h0, c0) => ops.lstmLayer(x, weight, h0, c0),
    inputs: [
      [1, 2, 12],
      [12, 3],
      [2, 3],
      [2, 3],
    ],
  },
  gruLayer: {
    covers: ['gruLayer'],
    fn: (x, weight, h0, bias) => ops.gruLayer(x, weight, h0, bias),
    inputs: [[3, 2, 6], [6, 2], [2, 2], [6]],
  },
  'gruLayer, one step without bias': {
    covers: ['gruLayer'],
    fn: (x, weight, h0) => ops.gruLayer(x, weight, h0),
    inputs: [
      [1, 2, 9],
      [9, 3],
      [2, 3],
    ],
  },
  groupNorm: {
    covers: ['groupNorm'],
    fn: (x, w, b) => ops.groupNorm(x, 2, w, b),
    inputs: [[2, 4, 3], [4], [4]],
  },
  'groupNorm of images': {
    covers: ['groupNorm'],
    fn: (x, w) => ops.groupNorm(x, 3, w),
    inputs: [[2, 6, 2, 2], [6]],
  },
  instanceNorm: {
    covers: ['instanceNorm'],
    fn: (x, weight, bias) => ops.instanceNorm(x, { weight, bias, eps: 0.1 }),
    inputs: [[2, 3, 2, 3], [3], [3]],
  },
  'instanceNorm, running statistics': {
    covers: ['instanceNorm'],
    fn: (x, weight, bias) =>
      ops.instanceNorm(x, {
        weight,
        bias,
        runningMean: like(x, [1, 0, -1]),
        runningVar: like(x, [1, 2, 3]),
        useInputStats: false,
      }),
    inputs: [[2, 3, 4], [3], [3]],
  },
  rmsNorm: { covers: ['rmsNorm'], fn: (x, w) => ops.rmsNorm(x, [4], w), inputs: [[3, 4], [4]] },
  'rmsNorm of two dims': {
    covers: ['rmsNorm'],
    fn: (x, w) => ops.rmsNorm(x, [3, 2], w, 0.1),
    inputs: [
      [2, 3, 2],
      [3, 2],
    ],
  },
  localResponseNorm: {
    covers: ['localResponseNorm'],
    fn: (x) => ops.localResponseNorm(x, 3, { alpha: 2, k: 0.5 }),
    inputs: [[2, 5, 3, 2]],
  },
  'localResponseNorm, even': {
    covers: ['localResponseNorm'],
    fn: (x) => ops.localResponseNorm(x, 4, { alpha: 2, beta: 0.5 }),
    inputs: [[2, 3, 4]],
  },
  'layerNorm plain': { covers: ['layerNorm'], fn: (x) => ops.layerNorm(x, [4]), inputs: [[3, 4]] },

  embedding: {
    covers: ['embedding'],
    fn: (w) => ops.embedding(ints([0, 2, 2, 1], [2, 2]), w),
    inputs: [[4, 3]],
  },
  dropout: {
    covers: ['dropout'],
    fn: (x) => ops.dropout(x, 0.4, { generator: new Generator(1) }),
    inputs: [[3, 4]],
  },
  cast: { covers: ['cast'], fn: (x) => ops.cast(ops.cast(x, 'float64'), 'float64'), inputs: [[3]] },

  cat: {
    covers: ['cat'],
    fn: (...t) => ops.cat(t, 1),
    inputs: [
      [2, 1, 2, 2],
      [2, 3, 2, 2],
      [2, 2, 2, 2],
    ],
  },
  stack: {
    covers: ['stack'],
    fn: (...t) => ops.stack(t, -1),
    inputs: [
      [2, 3],
      [2, 3],
    ],
  },
  pad: { covers: ['pad'], fn: (x) => ops.pad(x, [1, 0, 2, 1], 0.5), inputs: [[2, 3, 2]] },
  'pad reflect': {
    covers: ['pad'],
    fn: (x) => ops.pad(x, [2, 1, 1, 0], { mode: 'reflect' }),
    inputs: [[2, 2, 2, 3]],
  },
  'pad replicate and crop': {
    covers: ['pad'],
    fn: (x) => ops.pad(x, [3, -1, 0, 2], { mode: 'replicate' }),
    inputs: [[1, 2, 2, 3]],
  },
  'pad circular': {
    covers: ['pad'],
    fn: (x) => ops.pad(x, [2, 3], { mode: 'circular' }),
    inputs: [[2, 2, 3]],
  },
  'pad and crop': { covers: ['pad'], fn: (x) => ops.pad(x, [-1, 1, 1, -2]), inputs: [[2, 3, 2]] },
  slice: { covers: ['slice'], fn: (x) => ops.slice(x, 1, 1, undefined, 2), inputs: [[2, 4, 3]] },
  select: { covers: ['select'], fn: (x) => ops.select(x, 1, -1), inputs: [[2, 4, 3]] },
  permute: { covers: ['permute'], fn: (x) => ops.permute(x, [2, 0, 1]), inputs: [[2, 4, 3]] },
  transpose: { covers: ['transpose'], fn: (x) => ops.transpose(x, 0, -1), inputs: [[2, 4, 3]] },
  flatten: { covers: ['flatten'], fn: (x) => ops.flatten(x, 1), inputs: [[2, 2, 3]] },
  reshape: { covers: ['reshape'], fn: (x) => ops.reshape(x, [4, -1]), inputs: [[2, 2, 3]] },
  squeeze: { covers: ['squeeze'], fn: (x) => ops.squeeze(x), inputs: [[1, 2, 1, 3]] },
  'squeeze one': { covers: ['squeeze'], fn: (x) => ops.squeeze(x, 0), inputs: [[1, 2, 1]] },
  unsqueeze: { covers: ['unsqueeze'], fn: (x) => ops.unsqueeze(x, 1), inputs: [[2, 3]] },
  expand: { covers: ['expand'], fn: (x) => ops.expand(x, [2, 3, -1]), inputs: [[1, 2]] },
  contiguous: {
    covers: ['contiguous'],
    fn: (x) => ops.contiguous(x, { memoryFormat: 'channelsLast' }),
    inputs: [[2, 3, 2, 2]],
  },
  clone: { covers: ['clone'], fn: (x) => ops.clone(x), inputs: [[2, 3]] },
  chunk: { covers: ['chunk'], fn: (x) => ops.chunk(x, 2, 1), inputs: [[2, 3, 2]] },
};

/** The inputs of an entry, the same numbers for both dtypes. */
export function inputsOf({ inputs }: Differentiable, dtype: 'float32' | 'float64'): Tensor[] {
  manualSeed(7);
  return inputs.map((input) => (typeof input === 'function' ? input(dtype) : randn(input, { dtype })));
}
