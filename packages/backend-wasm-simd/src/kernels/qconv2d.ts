import type { Conv2dAttrs, RequantizeAttrs } from '@octet/backend';
import { type Address, offset } from '../address';
import type { WasmBuffer } from '../buffers';
import { formExact, formFlag, formSigned } from '../generated/constants';
import type { KernelContext, WasmPrepackingKernel, WasmTensor } from '../kernel';
import { bytesForm, freeGemm, gemmArgs, gemmPlan, type PackedGemm, packGemm, tileSize } from './qgemm';
import { requantizeConstants, uploadSteps } from './qrequantize';
import { byPlanes, type Grouping, spreadTable } from './spread';

export interface PackedDepthwise {
  kind: 'depthwise';
  /** By the product of four bytes: see assembly/qdepthwise-bytes.ts. */
  bytes: boolean;
  weights: WasmBuffer;
  bias: WasmBuffer;
  multiplier: WasmBuffer;
  constants: WasmBuffer;
}

export type PackedConvolution = ({ kind: 'gemm' } & PackedGemm) | PackedDepthwise;

/** Input by output channels of a group, up to which planes are faster than a matrix product. */
const mostProducts = 32;
/** The same of one group and one input channel, at strides of 1. */
const mostOutputs = 8;
/** Multiply-adds worth a thread. */
const grainMacs = 500_000;

/** Whether planes are faster. The matrix product of one group gathers its patches by whole rows of the kernel, which is fast. */
export function isByPlanes(grouping: Grouping, taps: number, { stride, dilation }: Conv2dAttrs): boolean {
  if (grouping.groups > 1 || dilation[1] > 1) return byPlanes(grouping, taps, mostProducts);
  const { groupIn, groupOut } = grouping;
  return groupIn === 1 && groupOut <= mostOutputs && taps > 1 && stride[0] === 1 && stride[1] === 1;
}

/** x [N,H,W,C] uint8, weight [O,kh,kw,C/groups] int8, bias [O]? int32 → y [N,OH,OW,O] uint8 */
export const qconv2d: WasmPrepackingKernel<'qconv2d', PackedConvolution> = {
  prepack(cx, { weight, bias }, attrs) {
    const [outputs, kh, kw, channels] = (weight as WasmTensor).shape;
    const { groups } = attrs;
    if (isByPlanes({ groups, groupIn: channels, groupOut: outputs / groups }, kh * kw, attrs))
      return packDepthwise(cx, weight as WasmTensor, bias, attrs);
    const k = kh * kw * channels;
    return { kind: 'gemm', ...packGemm(cx, weight as WasmTensor, bias, attrs, groups, k) };
  },

  run(cx, { x, weight, y }, attrs, packed) {
    if (packed.kind === 'depthwise') return depthwise(cx, x, weight, y, attrs, packed);
    const { groups, xZeroPoint } = attrs;
    const { m, n, k } = productOf(weight, y, groups);
    const { tile, splits, units, grain } = gemmPlan(cx, packed.form, m, n, k, groups);
    if (isOfPoints(x, weight, y, attrs)) {
      const rest = gemmArgs(cx, packed, y, tileSize(tile, k));
      cx.parallel('qgemm', { ...rest, x: cx.address(x), m, k, n, groups, tile, splits }, units, grain);
      return;
    }
    const patchStep = patchStepOf(k);
    const rest = gemmArgs(cx, packed, y, patchStep * tile + 64 + tileSize(tile, k));
    const product = { m, n, tile, splits, patchStep, xZeroPoint };
    const args = convArgs(rest, cx.address(x), x, weight, y, attrs, product);
    cx.parallel('qconv', args, units, grain);
  },

  free(cx, packed) {
    if (packed.kind === 'gemm') freeGemm(cx, packed);
    else freeDepthwise(cx, packed);
  },
};

/** The product of matrices [m,k] and [k,n] that each group is. */
export function productOf(weight: WasmTensor, y: WasmTensor, groups: number) {
  const [batch, outHeight, outWidth, outputs] = y.shape;
  const [, kh, kw, channels] = weight.shape;
  return { m: batch * outHeight * outWidth, n: outputs / groups, k: kh * kw * channels };
}

/** Whether the patches are the pixels of the image, in their order. */
export function isOfPoints(
  x: WasmTensor,
  weight: WasmTensor,
  y: WasmTensor,
  { stride, padding }: Conv2dAttrs,
): boolean {
  // Parts of a transposed convolution may give fewer rows than there are.
  const everywhere = x.shape[1] === y.shape[1] && x.shape[2] === y.shape[2];
  const [, kh, kw] = weight.shape;
  return kh * kw === 1 && everywhere && [...stride, ...padding].join() === '1,1,0,0';
}

/** Bytes from a patch to the next: copies of a kernel's row leave up to 15 past the patch. */
export function patchStepOf(k: number): number {
  return Math.ceil((k + 15) / 16) * 16;
}

interface ConvProduct {
  readonly m: number;
  readonly n: number;
  readonly tile: number;
  readonly splits: number;
  readonly patchStep: number;
  readonly xZeroPoint: number;
}

/** What the wasm functions of convolutions take alike. `from`: the bytes of the image. */
function windowArgs(
  from: Address,
  x: WasmTensor,
  weight: WasmTensor,
  y: WasmTensor,
  { stride, padding, dilation }: Conv2dAttrs,
) {
  const [, height, width] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  const [, kernelHeight, kernelWidth] = weight.shape;
  const [strideHeight, strideWidth] = stride;
  const [padHeight, padWidth] = padding;
  const [dilationHeight, dilationWidth] = dilation;
  return {
    ...{ x: from, height, width, outHeight, outWidth, kernelHeight, kernelWidth },
    ...{ strideHeight, strideWidth, padHeight, padWidth, dilationHeight, dilationWidth },
  };
}

/** What the wasm functions qconv and qconvDynamic take alike, beside `rest`. `from`: the bytes of the image. */
export function convArgs<Rest extends object>(
  rest: Rest,
  from: Address,
  x: WasmTensor,
  weight: WasmTensor,
  y: WasmTensor,
  attrs: Conv2dAttrs,
  { m, n, tile, splits, patchStep, xZeroPoint }: ConvProduct,
) {
  const channels = weight.shape[3];
  const { groups } = attrs;
  return {
    ...{ ...rest, ...windowArgs(from, x, weight, y, attrs) },
    ...{ channels, xZeroPoint, m, n, groups, tile, splits, patchStep },
  };
}

/**
 * How the wasm functions take a depthwise convolution: vectors of a kernel's rows and columns of the ring that a kernel has, and vectors in the ring.
 * square: by bytes, of two rows of two columns each; double: for two output rows at a time.
 */
function depthwiseSizes([, kh, kw]: readonly number[], { stride, dilation }: Conv2dAttrs, bytes: boolean) {
  const is = (n: number, [height, width]: readonly number[]) => height === n && width === n;
  const square = bytes && is(2, stride) && is(1, dilation);
  const double = is(1, stride) && dilation[0] === 1;
  const rows = kh + (double ? 1 : 0);
  const vectors = Math.ceil(rows / (bytes && !square ? 4 : 2));
  // A quad begins at every second row, and so comes again two steps later.
  const apart = bytes && !square && (double || (stride[0] === 2 && dilation[0] === 1)) ? 2 : 1;
  return {
    ...{ double, square, vectors, slots: (vectors - 1) * apart + 1 },
    columns: square ? Math.ceil(kw / 2) : kw,
  };
}

/** `form` exact: pairs of int16. */
export function packDepthwise(
  cx: KernelContext,
  weight: WasmTensor,
  bias: WasmTensor | undefined,
  attrs: Conv2dAttrs & RequantizeAttrs,
  form = bytesForm(cx, attrs),
): PackedDepthwise {
  const { weightZeroPoint, multiplier, xZeroPoint } = attrs;
  const [channels, kh, kw, planes] = weight.shape;
  const bytes = form !== formExact;
  const { double, square, vectors, columns } = depthwiseSizes(weight.shape, attrs, bytes);
  const blocks = Math.ceil(channels / 8);
  const packed: PackedDepthwise = {
    kind: 'depthwise',
    bytes,
    weights: cx.allocate('int8', blocks * vectors * columns * planes * (double ? 64 : 32)),
    bias: cx.allocate('int32', blocks * 8),
    multiplier: cx.allocate('float32', blocks * 8),
    constants: requantizeConstants(cx, attrs, form),
  };
  const [multipliers, multiplierStep] = uploadSteps(cx, multiplier);
  const args = {
    ...{ weight: cx.address(weight), channels, kernelHeight: kh, kernelWidth: kw, planes },
    ...{ bias: cx.addressIfAny(bias), multiplier: multipliers, multiplierStep },
    xZeroPoint: form === formSigned ? xZeroPoint - 128 : xZeroPoint,
    ...{ double: double ? 1 : 0, packed: cx.address(packed.weights) },
    ...{ bias8: cx.address(packed.bias), multiplier8: cx.address(packed.multiplier) },
    constants: cx.address(packed.constants),
  };
  if (!bytes) {
    const [zeroPoint, zeroStep] = uploadSteps(cx, weightZeroPoint);
    cx.parallel('qpackDepthwise', { ...args, zeroPoint, zeroStep }, blocks, 1024);
    return packed;
  }
  cx.parallel('qpackDepthwiseBytes', { ...args, square: square ? 1 : 0 }, blocks, 1024);
  if (cx.view('int32', offset(cx.address(packed.constants), formFlag), 1)[0] !== formExact) return packed;
  freeDepthwise(cx, packed);
  return packDepthwise(cx, weight, bias, attrs, formExact);
}

export function freeDepthwise(
  cx: KernelContext,
  { weights, bias, multiplier, constants }: PackedDepthwise,
): void {
  for (const buffer of [weights, bias, multiplier, constants]) cx.free(buffer);
}

function depthwise(
  cx: KernelContext,
  x: WasmTensor,
  weight: WasmTensor,
  y: WasmTensor,
  attrs: Conv2dAttrs & RequantizeAttrs,
  packed: PackedDepthwise,
): void {
  const constants = cx.address(packed.constants);
  const { args, units, grain } = depthwiseCall(cx, cx.address(x), x, weight, y, attrs, packed, constants);
  cx.parallel(packed.bytes ? 'qdepthwiseBytes' : 'qdepthwise', args, units, grain);
}

/** Ranges of channels: one for each thread where two rows at a time leave threads with more rows than others. */
function depthwiseSplits(
  { threads }: KernelContext,
  batch: number,
  outHeight: number,
  channels: number,
): number {
  const most = 2 * Math.ceil((batch * Math.ceil(outHeight / 2)) / threads);
  const isEven = most * threads <= batch * outHeight * 1.05;
  return isEven || channels < 32 * threads ? 1 : threads;
}

/** A call of one of the wasm functions for depthwise convolutions. `from`: the bytes of the image. */
export function depthwiseCall(
  cx: KernelContext,
  from: Address,
  x: WasmTensor,
  weight: WasmTensor,
  y: WasmTensor,
  attrs: Conv2dAttrs & Pick<RequantizeAttrs, 'xZeroPoint'>,
  packed: PackedDepthwise,
  constants: Address,
) {
  const { stride, dilation, groups, xZeroPoint } = attrs;
  const [, , width, inputs] = x.shape;
  const [batch, outHeight, outWidth, channels] = y.shape;
  const [, kh, kw, planes] = weight.shape;
  const { bytes } = packed;
  const { double, square, vectors, slots, columns } = depthwiseSizes(weight.shape, attrs, bytes);
  const spread = spreadTable(cx, channels, { groups, groupIn: planes, groupOut: channels / groups }, 0);
  // Tiles are 4 columns wide.
  const steps = Math.max(outWidth, 4) - 1;
  const ringWidth = steps * (square ? 1 : stride[1]) + (columns - 1) * dilation[1] + 1;
  const ringBytes = slots * planes * Math.ceil(channels / 8) * ringWidth * 32;
  const lines = 1 + (spread ? (bytes ? 4 : 2) : 0);
  const scratch = 64 + vectors * planes * columns * 4 + (width * channels + 128) * lines + ringBytes;
  const splits = spread ? 1 : depthwiseSplits(cx, batch, outHeight, channels);
  const args = {
    ...windowArgs(from, x, weight, y, attrs),
    ...{ batch, inputs, channels, planes, spread, xZeroPoint, double: double ? 1 : 0, ringWidth, splits },
    packed: cx.address(packed.weights),
    bias8: cx.address(packed.bias),
    multiplier8: cx.address(packed.multiplier),
    constants,
    y: cx.address(y),
    ...cx.scratchEach(scratch),
  };
  // Two output rows. By pairs of int16 a multiply-add takes about three times as long as in a matrix product.
  const macs = (2 * outWidth * channels * planes * kh * kw) / splits;
  const grain = Math.ceil(grainMacs / (bytes ? macs : 3 * macs));
  return { args, units: splits * batch * Math.ceil(outHeight / 2), grain };
}
