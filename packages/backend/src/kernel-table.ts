/**
 * The typed kernel table: one line per kernel. This file is the law of what a kernel gets and must do.
 *
 * Every tensor a kernel sees is dense and row-major from the first element of its buffer, with the shape written
 * here. Image tensors are NHWC, convolution weights OHWI (output channel, kernel row, kernel column, input channel),
 * so a patch and a weight row list their elements in the same order. The buffer may be longer than the shape says: what
 * lies past the end stays as it is. Outputs are allocated by the caller, their contents are unspecified, and a kernel must
 * write every element; tensors marked in-out are read and written. Inputs and outputs never share memory. Dimensions may
 * be 0 where the formula has a meaning: an empty batch gives an empty output.
 */

import type { Clamped, CompositeName, ElementwiseKernels } from './elementwise/functions';
import { backwardKernels, forwardKernels } from './elementwise/lists';

export interface KernelSpec {
  in: string;
  optionalIn: string;
  out: string;
  optionalOut: string;
  attrs: object;
}

// biome-ignore lint/complexity/noBannedTypes: a kernel without attributes takes exactly `{}`
type None = {};

/** `In` and `Out` are the tensors' names; in-out tensors count as outputs; the optional ones may be absent. */
interface K<
  In extends string,
  Out extends string,
  Attrs extends object = None,
  OptionalIn extends string = never,
  OptionalOut extends string = never,
> {
  in: In;
  optionalIn: OptionalIn;
  out: Out;
  optionalOut: OptionalOut;
  attrs: Attrs;
}

export type Pair = readonly [height: number, width: number];

export interface WindowAttrs {
  stride: Pair;
  padding: Pair;
  dilation: Pair;
}

export interface Conv2dAttrs extends WindowAttrs {
  groups: number;
}

export interface PoolAttrs extends WindowAttrs {
  kernelSize: Pair;
}

export interface AvgPoolAttrs {
  kernelSize: Pair;
  stride: Pair;
  padding: Pair;
  /** Whether padded positions count in the divisor. */
  countIncludePad: boolean;
}

/** What an average of integers needs beside its windows: docs/numerics.md "int8 average pools". */
export interface QAverageAttrs {
  zeroPoint: number;
  /** x's scale, a finite float32 value, by a power of two that brings y's between 1/2 and 4. */
  scale: number;
  /** y's zero point; x's unless given. */
  yZeroPoint?: number;
  /** y's scale by the same power of two, a float32 value from 1/2 to 4; x's unless given. */
  yScale?: number;
}

/** How int32 sums become int8: `y = clamp(rint(f32(acc) * multiplier[c]) + yZeroPoint, clampMin, clampMax)`. */
export interface RequantizeAttrs {
  xZeroPoint: number;
  /** One per tensor or one per output channel. */
  weightZeroPoint: Int32Array;
  /** `f32(f32(sx * sw) / sy)`, one per tensor or one per output channel. */
  multiplier: Float32Array;
  yZeroPoint: number;
  /** Bounds of the output integers; a fused ReLU is `clampMin = yZeroPoint`. */
  clampMin: number;
  clampMax: number;
}

/** Scale and zero point, one for the tensor or one per channel. Scales are float32 values. */
export interface QuantizeAttrs {
  scale: Float32Array;
  zeroPoint: Int32Array;
  quantMin: number;
  quantMax: number;
}

/**
 * Shapes below: `[n]` a flat tensor, `[o,n,i]` outer, axis, inner. Unless said otherwise float tensors are `float32`
 * (or all `float64`), indices `int32`, masks `bool`. An open interface: a plugin adds kernels by declaration merging.
 */
export interface KernelTable extends ElementwiseKernels {
  // Moving data
  /** y[n] = value, any dtype. */
  fill: K<never, 'y', { value: number }>;
  /** y[n] = x[n] in y's dtype; to an integer truncates and saturates (NaN is 0), to bool is `x != 0`. */
  cast: K<'x', 'y'>;
  /**
   * For every index of `shape`: `y[yOffset + index·yStrides] = x[xOffset + index·xStrides]`, same dtype, any dtype. y is
   * in-out: elements not addressed stay. The one kernel that knows strides.
   */
  copyStrided: K<'x', 'y', CopyStridedAttrs>;

  // Elementwise, [n]: add, eq, relu, reluBackward, … are the rows of elementwise/functions.ts
  /** y = mask ? a : b, any one dtype; mask bool. Each may have one element, which stands for all. */
  where: K<'mask' | 'a' | 'b', 'y'>;
  /** y = mask ? x * scale : 0 */
  applyMask: K<'x' | 'mask', 'y', { scale: number }>;

  // Reductions over the middle axis: x [o,n,i]
  /** y [o,i] */
  sum: K<'x', 'y'>;
  /** y [o,i] */
  amax: K<'x', 'y'>;
  /** gradX [o,n,i]: gradY [o,i] shared evenly among the elements equal to y [o,i]. */
  amaxBackward: K<'x' | 'y' | 'gradY', 'gradX'>;
  /** y [o,i], int32, the first of equals */
  argmax: K<'x', 'y'>;
  /** mean [o,i], y [o,i] = Σ (x - mean)² / (n - correction) */
  variance: K<'x', 'y' | 'mean', { correction: number }>;
  /** y [o,n,i] */
  softmax: K<'x', 'y'>;
  softmaxBackward: K<'y' | 'gradY', 'gradX'>;
  logSoftmax: K<'x', 'y'>;
  logSoftmaxBackward: K<'y' | 'gradY', 'gradX'>;
  /**
   * logProbs [o,n,i], target [o,i] int32, weight [n]? → y [o,i] = -w·logProbs[target], w [o,i] = weight[target] (1 where
   * absent); both 0 where target = ignoreIndex.
   */
  nllLoss: K<'logProbs' | 'target', 'y' | 'w', { ignoreIndex: number }, 'weight'>;
  /** gradX [o,n,i] = -w·gradY at the target, 0 elsewhere. */
  nllLossBackward: K<'gradY' | 'target' | 'w', 'gradX', { ignoreIndex: number }>;

  /** y [o,i], the product */
  prod: K<'x', 'y'>;
  /** gradX [o,n,i] = gradY [o,i] times all x of the row but this one */
  prodBackward: K<'x' | 'gradY', 'gradX'>;
  /** y [o,n,i], float or int32: the sum of x to this one, from this one on with `reverse` */
  cumsum: K<'x', 'y', { reverse: boolean }>;
  /** y [o,n,i], the product of x to this one */
  cumprod: K<'x', 'y'>;
  cumprodBackward: K<'x' | 'y' | 'gradY', 'gradX'>;
  /** y [o,n,i] int32: where the elements of x, float or int32, stand in order, equal ones as they come; NaN is above all. */
  argsort: K<'x', 'y', { descending: boolean }>;

  // By indices, along the middle axis: x [o,n,i], float or int32, index [o or 1,m,i or 1] int32
  /** y [o,m,i] = x [o,index,i]; NaN, of integers 0, for an index outside. */
  gather: K<'x' | 'index', 'y'>;
  /** y [o,n,i] = x, where src [o,m,i] replaces or joins y [o,index,i], in the order of the axis; not for an index outside. */
  scatter: K<'x' | 'index' | 'src', 'y', { reduce: ScatterReduce }>;

  // Linear algebra; with `clamp` what the kernel `clamp` makes of that y
  /** a [ba,m,k] (or [ba,k,m] if transposeA), b [bb,k,n] (or [bb,n,k]) → y [batch,m,n]; ba, bb are batch or 1. */
  matmul: K<'a' | 'b', 'y', { transposeA: boolean; transposeB: boolean } & Clamped>;
  /** x [m,k], weight [n,k], bias [n]? → y [m,n] */
  linear: K<'x' | 'weight', 'y', Clamped, 'bias'>;
  /** x [N,H,W,C], weight [O,kh,kw,C/groups], bias [O]? → y [N,OH,OW,O] */
  conv2d: K<'x' | 'weight', 'y', Conv2dAttrs & Clamped, 'bias'>;
  /** gradX [N,H,W,C] */
  conv2dBackwardInput: K<'gradY' | 'weight', 'gradX', Conv2dAttrs>;
  /** gradWeight [O,kh,kw,C/groups] */
  conv2dBackwardWeight: K<'x' | 'gradY', 'gradWeight', Conv2dAttrs>;
  /**
   * x [N,H,W,C], weight [C,kh,kw,O/groups], bias [O]? → y [N,OH,OW,O]: x[n,h,w,c] · weight[c,kh,kw,o] goes to row h · stride - padding +
   * kh · dilation of y, columns alike, and bias[o] to every element. Elements of y that nothing reaches are bias[o].
   */
  convTranspose2d: K<'x' | 'weight', 'y', Conv2dAttrs, 'bias'>;

  // Recurrent layers, over all steps
  /**
   * x [T,N,4H], the inputs' share of the gates i, f, g, o; weight [4H,H], bias [4H]?, h0, c0 [N,H] → y [2,T,N,H], all h and
   * all c. At each step gates = x + h · weightᵀ + bias; c = σ(f) · c + σ(i) · tanh(g); h = σ(o) · tanh(c). For the gradient
   * gates [T,N,4H]?: σ(i), σ(f), tanh(g), σ(o).
   */
  lstm: K<'x' | 'weight' | 'h0' | 'c0', 'y', None, 'bias', 'gates'>;
  /** weight, c0, y and gates of lstm, gradY [2,T,N,H] → gradX [T,N,4H], gradH0 and gradC0 [N,H] */
  lstmBackward: K<'weight' | 'c0' | 'y' | 'gates' | 'gradY', 'gradX' | 'gradH0' | 'gradC0'>;
  /**
   * x [T,N,3H], the inputs' share of the gates r, z, n; weight [3H,H], bias [3H]?, h0 [N,H] → y [T,N,H], all h. At each step
   * p = h · weightᵀ + bias; r = σ(x + p), z = σ(x + p), n = tanh(x + r · p), each of its own part; h = n + z · (h - n). For the
   * gradient gates [T,N,4H]?: r, z, n's part of p, n.
   */
  gru: K<'x' | 'weight' | 'h0', 'y', None, 'bias', 'gates'>;
  /** weight, h0, y and gates of gru, gradY [T,N,H] → gradX [T,N,3H], gradHidden [T,N,3H], that of p, and gradH0 [N,H] */
  gruBackward: K<'weight' | 'h0' | 'y' | 'gates' | 'gradY', 'gradX' | 'gradHidden' | 'gradH0'>;

  // Attention
  /**
   * q [N,H,L,E], k [N,G,S,E], v [N,G,S,D] → y [N,H,L,D] = softmax(scale · q · kᵀ + mask) · v, where H is a multiple of G and head
   * h reads that of number floor(h · G / H) of k and v. mask [N or 1, H or 1, L or 1, S]: bool, false is -infinity, or numbers of
   * q's dtype; with `causal` key j is -infinity for the row i < j. A row that is -infinity throughout gives zeros. v's rows of
   * weight 0 need not be read. For the gradient logSum [N,H,L]?: ln Σ e^score, -infinity for such a row.
   */
  attention: K<'q' | 'k' | 'v', 'y', AttentionAttrs, 'mask', 'logSum'>;
  /** q, k, v, mask, y and logSum of attention, gradY [N,H,L,D] → gradQ, gradK, gradV */
  attentionBackward: K<
    'q' | 'k' | 'v' | 'y' | 'logSum' | 'gradY',
    'gradQ' | 'gradK' | 'gradV',
    AttentionAttrs,
    'mask'
  >;

  // Normalisation; c channels last
  /** x [r,c] → y with batch statistics; saveMean, saveInvStd [c]; runningMean, runningVar [c] in-out, optional as a pair. */
  batchNormTrain: K<
    'x',
    'y' | 'saveMean' | 'saveInvStd',
    BatchNormTrainAttrs,
    'weight' | 'bias',
    'runningMean' | 'runningVar'
  >;
  /** y = (x - mean) / sqrt(variance + eps) * weight + bias */
  batchNormEval: K<'x' | 'mean' | 'variance', 'y', { eps: number }, 'weight' | 'bias'>;
  /** training: mean and invStd come from the batch and carry gradient; else they are constants. */
  batchNormBackward: K<
    'x' | 'gradY' | 'mean' | 'invStd',
    'gradX' | 'gradWeight' | 'gradBias',
    { training: boolean },
    'weight'
  >;
  /** x [r,c] normalised over each row → y; mean, invStd [r]; weight, bias [c] */
  layerNorm: K<'x', 'y' | 'mean' | 'invStd', { eps: number }, 'weight' | 'bias'>;
  layerNormBackward: K<
    'x' | 'gradY' | 'mean' | 'invStd',
    'gradX' | 'gradWeight' | 'gradBias',
    None,
    'weight'
  >;

  // Pooling, NHWC
  /** indices [N,OH,OW,C] int32: h * W + w of the maximum, the first of equals. Padding never wins. */
  maxPool2d: K<'x', 'y' | 'indices', PoolAttrs>;
  maxPool2dBackward: K<'gradY' | 'indices', 'gradX'>;
  avgPool2d: K<'x', 'y', AvgPoolAttrs>;
  avgPool2dBackward: K<'gradY', 'gradX', AvgPoolAttrs>;
  /** Output cell i of n averages rows floor(i·H/n) to ceil((i+1)·H/n), columns alike; sizes are the tensors'. */
  adaptiveAvgPool2d: K<'x', 'y'>;
  adaptiveAvgPool2dBackward: K<'gradY', 'gradX'>;
  /** y [N,OH,OW,C]: each of its rows is rowWeight by rowIndex of x's, columns alike. */
  resample2d: K<'x', 'y', ResampleAttrs>;

  // Embedding
  /** weight [v,d], index [n] → y [n,d] */
  embedding: K<'weight' | 'index', 'y'>;
  /** gradWeight [v,d]: sums of gradY [n,d]; the row paddingIdx (-1: none) gets nothing. */
  embeddingBackward: K<'index' | 'gradY', 'gradWeight', { paddingIdx: number }>;

  // Optimizers; param and the state are in-out
  sgdStep: K<'grad', 'param', SgdAttrs, never, 'momentumBuffer'>;
  adamStep: K<'grad', 'param' | 'expAvg' | 'expAvgSq', AdamAttrs, never, 'maxExpAvgSq'>;

  // Observers and fake quantization; c channels (1: per tensor)
  /**
   * x [o,c,i]; minVal, maxVal [c] float32, in-out. averagingConstant null: running minimum and maximum; else
   * `m + averagingConstant * (current - m)`, where minVal = +inf and maxVal = -inf take the batch's own.
   */
  observeMinMax: K<'x', 'minVal' | 'maxVal', { averagingConstant: number | null }>;
  /** PyTorch's observer formula: docs/numerics.md "Observer qparams". scale [c] float32, zeroPoint [c] int32. */
  calculateQparams: K<'minVal' | 'maxVal', 'scale' | 'zeroPoint', CalculateQparamsAttrs>;
  /** The formula of PyTorch's fused observer: docs/numerics.md "Fused observer qparams". */
  chooseQparams: K<'minVal' | 'maxVal', 'scale' | 'zeroPoint', ChooseQparamsAttrs>;
  /**
   * x [o,c,i], scale [c], zeroPoint [c] int32, or float32 which is rounded half to even and clamped →
   * y = (clamp(q, quantMin, quantMax) - zeroPoint) * scale with q = rint(x * f32(1 / scale)) + zeroPoint;
   * mask = quantMin <= q <= quantMax.
   */
  fakeQuantize: K<'x' | 'scale' | 'zeroPoint', 'y' | 'mask', { quantMin: number; quantMax: number }>;
  /**
   * A moving-average observer and the rounding to its grid in one: observeMinMax, chooseQparams and fakeQuantize, one after
   * another; averagingConstant null: fakeQuantize alone, and the four tensors of the observer stay as they are. They are in-out,
   * [c], or [1]: one range for all of x. With weight, variance and factor [c] (all or none) a batch normalisation is folded:
   * factor = weight / sqrt(variance + eps), it is x · factor that is watched and rounded, and y is the result over factor; where
   * |factor| < 2^-30 y is x itself, and mask false. Where x is empty the observer's
   * four stay.
   */
  fusedMovingAvgObsFakeQuant: K<
    'x',
    'y' | 'mask' | 'minVal' | 'maxVal' | 'scale' | 'zeroPoint',
    FusedFakeQuantizeAttrs,
    'weight' | 'variance',
    'factor'
  >;
  /**
   * Gradients of that with a weight; its x, y, mask and factor: gradX = mask ? gradY : 0,
   * gradWeight [c] = Σ gradY · ((mask ? x : 0) - y) / weight, 0 where |factor| < 2^-30.
   */
  fusedMovingAvgObsFakeQuantBackward: K<
    'x' | 'y' | 'mask' | 'weight' | 'factor' | 'gradY',
    'gradX' | 'gradWeight'
  >;
  /** Gradients of fakeQuantize with a learned scale and zero point (float32): docs/numerics.md. */
  learnableFakeQuantizeBackward: K<
    'x' | 'scale' | 'zeroPoint' | 'gradY',
    'gradX' | 'gradScale' | 'gradZeroPoint',
    { quantMin: number; quantMax: number; gradFactor: number }
  >;

  // Integers
  /** x [o,c,i] float → y uint8, int8 or int32: clamp(rint(f32(x * f32(1 / scale[c]))) + zeroPoint[c], …) */
  quantize: K<'x', 'y', QuantizeAttrs>;
  /** x [o,c,i] integers → y = f32((x - zeroPoint[c]) * scale[c]) */
  dequantize: K<'x', 'y', { scale: Float32Array; zeroPoint: Int32Array }>;
  /** x [n] uint8 or int8 → y = table[x - (x is int8 ? -128 : 0)]; table has 256 entries of y's dtype. */
  qlookup: K<'x', 'y', { table: Uint8Array | Int8Array; of?: TableSource }>;
  /** x [N,H,W,C] uint8, weight [O,kh,kw,C/groups] int8, bias [O]? int32 → y uint8; padding is xZeroPoint. Prepackable. */
  qconv2d: K<'x' | 'weight', 'y', Conv2dAttrs & RequantizeAttrs, 'bias'>;
  /** convTranspose2d of x uint8, weight int8 (a zero point for each output channel), bias [O]? int32 → y uint8. Prepackable. */
  qconvTranspose2d: K<'x' | 'weight', 'y', Conv2dAttrs & RequantizeAttrs, 'bias'>;
  /** x [m,k] uint8, weight [n,k] int8, bias [n]? int32 → y [m,n] uint8. Prepackable. */
  qlinear: K<'x' | 'weight', 'y', RequantizeAttrs, 'bias'>;
  /**
   * x [m,k] float32, weight [n,k] int8, bias [n]? float32 → y float32: quantizes x to 0..255 (reduceRange: 0..127) by its
   * own minimum and maximum (chooseQparams, affine), then f32(acc) * f32(sx * weightScale) + bias. Prepackable.
   */
  qlinearDynamic: K<'x' | 'weight', 'y', DynamicLinearAttrs, 'bias'>;
  /**
   * x [N,H,W,C] float32, weight [O,kh,kw,C/groups] int8, bias [O]? float32 → y [N,OH,OW,O] float32: x quantized as in qlinearDynamic, by
   * the minimum and maximum of all of x; padding is the zero point. Prepackable.
   */
  qconv2dDynamic: K<'x' | 'weight', 'y', Conv2dAttrs & DynamicLinearAttrs, 'bias'>;
  /**
   * x [m,k] float32, grouped integers of [n,k], bias [n]? float32 → y [m,n] float32 = x · wᵀ + bias. Grouped integers are weight
   * [n,k] uint8 or int8, or with 4 bits [n,⌈k/2⌉] uint8, the even column in the lower half of a byte; scale and zeroPoint? [n,⌈k/groupSize⌉]
   * float32: w[i,j] = (q[i,j] - zeroPoint[i,g]) · scale[i,g], g = ⌊j / groupSize⌋. Without, the zero point is 8, 128 or 0: the middle.
   * With 4 bits groupSize is even, or there is one group. A backend may round x to 16 bits, each group of a row by its greatest: to
   * max|x| / 32767 times a whole number.
   */
  qlinearWeightOnly: K<'x' | 'weight' | 'scale', 'y', GroupedIntegers, 'zeroPoint' | 'bias'>;
  /** Grouped integers of [v,d], index [n] int32 → y [n,d] float32, the rows' numbers */
  qembedding: K<'weight' | 'scale' | 'index', 'y', GroupedIntegers, 'zeroPoint'>;
  /** lstm with an int8 weight: h · weightᵀ + bias is what qlinearDynamic makes of the h [N,H] of each step. Prepackable. */
  qlstmDynamic: K<'x' | 'weight' | 'h0' | 'c0', 'y', DynamicLinearAttrs, 'bias'>;
  /** gru with an int8 weight, alike. Prepackable. */
  qgruDynamic: K<'x' | 'weight' | 'h0', 'y', DynamicLinearAttrs, 'bias'>;
  /** Fixed-point add of uint8 [n]: docs/numerics.md "int8 add". */
  qadd: K<'a' | 'b', 'y', QAddAttrs>;
  /** y = clamp(rint(f32((a - aZeroPoint)(b - bZeroPoint)) * multiplier) + yZeroPoint, clampMin, clampMax) */
  qmul: K<'a' | 'b', 'y', QMulAttrs>;
  /** x [r,c] uint8 → y uint8, by the numbers of each channel: docs/numerics.md "int8 functions of channels". */
  qaffine: K<'x', 'y', QAffineAttrs>;
  /**
   * x [n,l,c] uint8, weight, bias [c] float32 → y [n,l,c] uint8, each sample and each of `groups` groups of channels normalised by its
   * own statistics: docs/numerics.md "int8 normalisations". On a GPU half-way numbers may go either way.
   */
  qgroupNorm: K<'x' | 'weight' | 'bias', 'y', QGroupNormAttrs>;
  /** x [N,H,W,C] uint8 or int8; padding never wins. */
  qmaxPool2d: K<'x', 'y', PoolAttrs>;
  /** x [N,H,W,C] uint8 or int8; a window of n elements has the multiplier f32(scale / f32(yScale · n)), rounded to nearest. */
  qavgPool2d: K<'x', 'y', AvgPoolAttrs & QAverageAttrs>;
  /**
   * resample2d of uint8 or int8, in float32 step by step, columns first: y = clamp(rint(Σ rowWeight · Σ columnWeight · x)). Scale and zero
   * point stay: the weights of a place add up to 1.
   */
  qresample2d: K<'x', 'y', ResampleAttrs>;
  /** Alike, over the cells of adaptiveAvgPool2d. */
  qadaptiveAvgPool2d: K<'x', 'y', QAverageAttrs>;
}

/** Which function a table of 256 entries holds. For dispatch hooks, which can't tell; kernels never look at it. */
export interface TableSource {
  /** As in error messages: 'sigmoid', 'quantized.leakyRelu', … */
  op: string;
  negativeSlope?: number;
  /** The attributes of other functions. */
  readonly [attribute: string]: unknown;
}

/** Rows and columns of an image that those of another are made of: as many for each, of which those of weight 0 are not read. */
export interface ResampleAttrs {
  /** [OH, taps], [OW, taps]: where they are in x. */
  rowIndex: Int32Array;
  columnIndex: Int32Array;
  /** Float32 values, of the same lengths. */
  rowWeight: Float32Array;
  columnWeight: Float32Array;
  /** What it is, for dispatch hooks, which can't tell; kernels never look at it. */
  of?: ResampleSource;
}

/** As ONNX's Resize says it. */
export interface ResampleSource {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: 'asymmetric' | 'half_pixel' | 'align_corners';
  /** By how much the image grows, where that isn't the quotient of the sizes. */
  readonly scales?: readonly [height: number, width: number];
}
/** What becomes of an element and one that is scattered to it. */
export type ScatterReduce = 'none' | 'add' | 'mul' | 'max' | 'min';

export interface CopyStridedAttrs {
  shape: readonly number[];
  xStrides: readonly number[];
  xOffset: number;
  yStrides: readonly number[];
  yOffset: number;
}

/** See `qlinearWeightOnly`. */
export interface GroupedIntegers {
  bits: 4 | 8;
  /** Columns that share a scale. */
  groupSize: number;
}

export interface AttentionAttrs {
  scale: number;
  /** A row sees the keys up to its own number, counted from the first of both. */
  causal: boolean;
}

export interface BatchNormTrainAttrs {
  eps: number;
  /** running = (1 - momentum) * running + momentum * batch (variance unbiased) */
  momentum: number;
}

export interface SgdAttrs {
  lr: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
  maximize: boolean;
  /** The first step: the momentum buffer becomes the gradient itself. */
  firstStep: boolean;
}

/** Step t counts from 1. */
export interface AdamAttrs {
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  /** AdamW: the decay acts on the parameter, not through the gradient. */
  decoupledWeightDecay: boolean;
  amsgrad: boolean;
  maximize: boolean;
  step: number;
}

export interface CalculateQparamsAttrs {
  quantMin: number;
  quantMax: number;
  symmetric: boolean;
  /** The zero point of the symmetric schemes: 0 for qint8, 128 for quint8, … */
  symmetricZeroPoint: number;
  eps: number;
}

export interface ChooseQparamsAttrs {
  quantMin: number;
  quantMax: number;
  symmetric: boolean;
}

export interface FusedFakeQuantizeAttrs extends ChooseQparamsAttrs {
  /** null: nothing is observed. */
  averagingConstant: number | null;
  /** Beside the variance; without one nobody looks. */
  eps: number;
}

export interface DynamicLinearAttrs {
  /** Float32 values, one per tensor or one per output channel. */
  weightScale: Float32Array;
  weightZeroPoint: Int32Array;
  /** x has 7 bits instead of 8. */
  reduceRange: boolean;
}

/** aMultiplier is `A = rint(ra * 2^shift)`, bMultiplier `B` alike, both of at most 22 bits: y = clamp(roundHalfAway((A(a - za) + B(b - zb)) / 2^shift) + zy). */
export interface QAddAttrs {
  aMultiplier: number;
  bMultiplier: number;
  shift: number;
  aZeroPoint: number;
  bZeroPoint: number;
  yZeroPoint: number;
  clampMin: number;
  clampMax: number;
}

export interface QMulAttrs {
  multiplier: number;
  aZeroPoint: number;
  bZeroPoint: number;
  yZeroPoint: number;
  clampMin: number;
  clampMax: number;
}

/**
 * With q = x - xZeroPoint: y = clamp(rint(f32(f32(q * m[c]) + shift[c])) + yZeroPoint, clampMin, clampMax), m being positive where
 * q > 0, else negative. Each has a finite float32 number for every channel.
 */
export interface QAffineAttrs {
  xZeroPoint: number;
  positive: Float32Array;
  negative: Float32Array;
  shift: Float32Array;
  yZeroPoint: number;
  clampMin: number;
  clampMax: number;
}

/** Float32 values: x's scale, the reciprocal of y's, and eps. */
export interface QGroupNormAttrs {
  groups: number;
  eps: number;
  scale: number;
  inverse: number;
  yZeroPoint: number;
}

export type KernelName = keyof KernelTable & string;

/** What a backend may promise to run entirely. Each profile but `inference-int8` contains the one before it. */
export type Profile = 'inference-int8' | 'inference-float' | 'training';

/**
 * The names of Octet's own kernels by the profile that first needs them, without the elementwise functions, which say it
 * in their rows; checked to be complete by the compiler.
 */
const firstProfile = {
  all: ['fill', 'cast', 'copyStrided', 'quantize', 'dequantize'],
  'inference-int8': [
    'qlookup',
    'qconv2d',
    'qconvTranspose2d',
    'qlinear',
    'qlinearDynamic',
    'qconv2dDynamic',
    'qlinearWeightOnly',
    'qembedding',
    'qlstmDynamic',
    'qgruDynamic',
    'qadd',
    'qmul',
    'qaffine',
    'qgroupNorm',
    'qmaxPool2d',
    'qavgPool2d',
    'qresample2d',
    'qadaptiveAvgPool2d',
  ],
  'inference-float': [
    'where',
    'gather',
    'scatter',
    'cumsum',
    'cumprod',
    'prod',
    'argsort',
    'sum',
    'amax',
    'argmax',
    'variance',
    'softmax',
    'logSoftmax',
    'matmul',
    'linear',
    'conv2d',
    'convTranspose2d',
    'lstm',
    'gru',
    'attention',
    'batchNormEval',
    'layerNorm',
    'maxPool2d',
    'avgPool2d',
    'adaptiveAvgPool2d',
    'resample2d',
    'embedding',
  ],
  training: [
    'applyMask',
    'cumprodBackward',
    'prodBackward',
    'amaxBackward',
    'softmaxBackward',
    'logSoftmaxBackward',
    'nllLoss',
    'nllLossBackward',
    'conv2dBackwardInput',
    'conv2dBackwardWeight',
    'lstmBackward',
    'gruBackward',
    'attentionBackward',
    'batchNormTrain',
    'batchNormBackward',
    'layerNormBackward',
    'maxPool2dBackward',
    'avgPool2dBackward',
    'adaptiveAvgPool2dBackward',
    'embeddingBackward',
    'sgdStep',
    'adamStep',
    'observeMinMax',
    'calculateQparams',
    'chooseQparams',
    'fakeQuantize',
    'fusedMovingAvgObsFakeQuant',
    'fusedMovingAvgObsFakeQuantBackward',
    'learnableFakeQuantizeBackward',
  ],
} as const satisfies Record<Profile | 'all', readonly KernelName[]>;

/** The kernels of Octet itself: those of the profiles, without what plugins add to the table. */
export type OwnKernelName =
  | (typeof firstProfile)[keyof typeof firstProfile][number]
  | (keyof ElementwiseKernels & string);
// A kernel of the table that no profile lists makes this line fail, with its name in the message.
undefined as unknown as Exclude<KernelName, OwnKernelName> satisfies never;

const inferenceFloat = [...firstProfile.all, ...firstProfile['inference-float'], ...forwardKernels.primitive];

/** The kernels that a backend of this profile must have. */
export const profiles: Readonly<Record<Profile, readonly KernelName[]>> = {
  'inference-int8': [...firstProfile.all, ...firstProfile['inference-int8']],
  'inference-float': inferenceFloat,
  training: [...inferenceFloat, ...firstProfile.training, ...backwardKernels.primitive],
};

/** The kernels that `dispatch` composes of these where a backend of the profile has none of its own. */
export const composable: Readonly<Record<Profile, readonly CompositeName[]>> = {
  'inference-int8': [],
  'inference-float': forwardKernels.composite,
  training: [...forwardKernels.composite, ...backwardKernels.composite],
};
