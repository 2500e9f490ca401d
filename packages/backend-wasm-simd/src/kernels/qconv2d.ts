import type { Conv2dAttrs, RequantizeAttrs } from '@octet/backend';
import type { Address } from '../address';
import type { WasmBuffer } from '../buffers';
import type { KernelContext, WasmPrepackingKernel, WasmTensor } from '../kernel';
import { freeGemm, gemmArgs, gemmPlan, type PackedGemm, packGemm, tileSize } from './qgemm';
import { requantizeConstants, uploadSteps } from './qrequantize';
import { byPlanes, type Grouping, spreadTable } from './spread';

interface PackedDepthwise {
  kind: 'depthwise';
  /** Two output rows at a time: see assembly/qdepthwise.ts. */
  double: boolean;
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
function isByPlanes(grouping: Grouping, taps: number, { stride, dilation }: Conv2dAttrs): boolean {
  if (grouping.groups > 1 || dilation[1] > 1) return byPlanes(grouping, taps, mostProducts);
  const { groupIn, groupOut } = grouping;
  return groupIn === 1 && groupOut <= mostOutputs && taps > 1 && stride[0] === 1 && stride[1] === 1;
}

/** x [N,H,W,C] uint8, weight [O,kh,kw,C/groups] int8, bias [O]? int32 → y [N,OH,OW,O] uint8 */
export const qconv2d: WasmPrepackingKernel<'qconv2d', PackedConvolution> = {
  prepack: (cx, { weight, bias }, attrs) =>
    packConvolution(cx, weight as WasmTensor, bias as WasmTensor | undefined, attrs),
  run(cx, { x, weight, y }, attrs, packed) {
    const places = { x: cx.address(x), y: cx.address(y) };
    runConvolution(cx, places, [x.shape, weight.shape, y.shape], attrs, packed);
  },
  free: freeConvolution,
};

export function packConvolution(
  cx: KernelContext,
  weight: WasmTensor,
  bias: WasmTensor | undefined,
  attrs: Conv2dAttrs & RequantizeAttrs,
): PackedConvolution {
  const [outputs, kh, kw, channels] = weight.shape;
  const { groups } = attrs;
  if (isByPlanes({ groups, groupIn: channels, groupOut: outputs / groups }, kh * kw, attrs))
    return packDepthwise(cx, weight, bias, attrs);
  return { kind: 'gemm', ...packGemm(cx, weight, bias, attrs, groups, kh * kw * channels) };
}

/** Where x and y lie. */
interface Places {
  readonly x: Address;
  readonly y: Address;
}

/** The shapes of x, weight and y. */
type Shapes = readonly [x: readonly number[], weight: readonly number[], y: readonly number[]];

export function runConvolution(
  cx: KernelContext,
  places: Places,
  shapes: Shapes,
  attrs: Conv2dAttrs & RequantizeAttrs,
  packed: PackedConvolution,
): void {
  if (packed.kind === 'depthwise') {
    depthwise(cx, places, shapes, attrs, packed);
    return;
  }
  const { stride, padding, dilation, groups, xZeroPoint } = attrs;
  const [[, height, width], [, kh, kw, channels], [batch, outHeight, outWidth, outputs]] = shapes;
  const k = kh * kw * channels;
  const n = outputs / groups;
  const m = batch * outHeight * outWidth;
  const { tile, splits, units, grain } = gemmPlan(cx, m, n, k, groups);
  // Parts of a transposed convolution may give fewer rows than there are.
  const everywhere = height === outHeight && width === outWidth;
  if (k === channels && everywhere && [...stride, ...padding].join() === '1,1,0,0') {
    const rest = gemmArgs(cx, packed, places.y, tileSize(tile, k));
    cx.parallel('qgemm', { ...rest, x: places.x, m, k, n, groups, tile, splits }, units, grain);
    return;
  }
  // Copies of a kernel's row leave up to 15 bytes past the patch.
  const patchStep = Math.ceil((k + 15) / 16) * 16;
  const args = {
    ...gemmArgs(cx, packed, places.y, patchStep * tile + 64 + tileSize(tile, k)),
    x: places.x,
    height,
    width,
    channels,
    outHeight,
    outWidth,
    kernelHeight: kh,
    kernelWidth: kw,
    strideHeight: stride[0],
    strideWidth: stride[1],
    padHeight: padding[0],
    padWidth: padding[1],
    dilationHeight: dilation[0],
    dilationWidth: dilation[1],
    xZeroPoint,
    m,
    n,
    groups,
    tile,
    splits,
    patchStep,
  };
  cx.parallel('qconv', args, units, grain);
}

export function freeConvolution(cx: KernelContext, packed: PackedConvolution): void {
  if (packed.kind === 'gemm') freeGemm(cx, packed);
  else for (const b of [packed.weights, packed.bias, packed.multiplier, packed.constants]) cx.free(b);
}

function packDepthwise(
  cx: KernelContext,
  weight: WasmTensor,
  bias: WasmTensor | undefined,
  attrs: Conv2dAttrs & RequantizeAttrs,
): PackedDepthwise {
  const { stride, dilation, weightZeroPoint, multiplier, xZeroPoint } = attrs;
  const [channels, kh, kw, planes] = weight.shape;
  const double = stride[0] === 1 && stride[1] === 1 && dilation[0] === 1;
  const blocks = Math.ceil(channels / 8);
  const taps = ((kh + (double ? 2 : 1)) >> 1) * kw * planes;
  const packed: PackedDepthwise = {
    kind: 'depthwise',
    double,
    weights: cx.allocate('int8', blocks * taps * (double ? 64 : 32)),
    bias: cx.allocate('int32', blocks * 8),
    multiplier: cx.allocate('float32', blocks * 8),
    constants: requantizeConstants(cx, attrs),
  };
  const [zeroPoint, zeroStep] = uploadSteps(cx, weightZeroPoint);
  const [multipliers, multiplierStep] = uploadSteps(cx, multiplier);
  const args = {
    ...{ weight: cx.address(weight), channels, kernelHeight: kh, kernelWidth: kw, planes },
    ...{ zeroPoint, zeroStep, bias: cx.addressIfAny(bias), multiplier: multipliers, multiplierStep },
    ...{ xZeroPoint, double: double ? 1 : 0, packed: cx.address(packed.weights) },
    ...{ bias8: cx.address(packed.bias), multiplier8: cx.address(packed.multiplier) },
    constants: cx.address(packed.constants),
  };
  cx.parallel('qpackDepthwise', args, blocks, 1024);
  return packed;
}

function depthwise(
  cx: KernelContext,
  { x, y }: Places,
  [[, height, width, inputs], [, kh, kw, planes], [batch, outHeight, outWidth, channels]]: Shapes,
  { stride, padding, dilation, groups, xZeroPoint }: Conv2dAttrs & RequantizeAttrs,
  packed: PackedDepthwise,
): void {
  const { double } = packed;
  const pairs = ((kh + (double ? 2 : 1)) >> 1) * planes;
  const spread = spreadTable(cx, channels, { groups, groupIn: planes, groupOut: channels / groups }, 0);
  // Tiles are 4 columns wide.
  const ringWidth = (Math.max(outWidth, 4) - 1) * stride[1] + (kw - 1) * dilation[1] + 1;
  const ringBytes = pairs * Math.ceil(channels / 8) * ringWidth * 32;
  const scratchStep = 64 + pairs * kw * 4 + (width * channels + 128) * (spread ? 3 : 1) + ringBytes;
  const strip = 8;
  const strips = Math.ceil(outHeight / strip);
  const step = Math.ceil(scratchStep / 64) * 64;
  const args = {
    x,
    height,
    width,
    inputs,
    channels,
    planes,
    spread,
    outHeight,
    outWidth,
    kernelHeight: kh,
    kernelWidth: kw,
    strideHeight: stride[0],
    strideWidth: stride[1],
    padHeight: padding[0],
    padWidth: padding[1],
    dilationHeight: dilation[0],
    dilationWidth: dilation[1],
    xZeroPoint,
    double: double ? 1 : 0,
    strip,
    strips,
    ringWidth,
    packed: cx.address(packed.weights),
    bias8: cx.address(packed.bias),
    multiplier8: cx.address(packed.multiplier),
    constants: cx.address(packed.constants),
    y,
    scratch: cx.scratch(cx.threads * step),
    scratchStep: step,
  };
  // A multiply-add here takes about three times as long as in a matrix product.
  const grain = Math.ceil(grainMacs / (3 * strip * outWidth * channels * planes * kh * kw));
  cx.parallel('qdepthwise', args, batch * strips, grain);
}
