import type { Conv2dAttrs } from '@octet/backend';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';
import { depthwise, depthwiseBackwardInput, depthwiseBackwardWeight } from './depthwise';
import { multiply, packedRowsBytes, packPanels, workGrain } from './matmul';

/** As in assembly/tiles.ts and assembly/conv.ts. */
const panel = 8;
const tileRows = 48;
const depth = 128;

/** Elements of gathered patches that stay in the second-level cache. */
const gatheredElements = 65_536;

/** The sizes of one convolution: x NHWC, weight OHWI, y NHWC (or their gradients). */
export interface ConvSizes {
  batch: number;
  height: number;
  width: number;
  channels: number;
  outHeight: number;
  outWidth: number;
  outChannels: number;
  kernelHeight: number;
  kernelWidth: number;
  groupIn: number;
  groupOut: number;
  /** Output positions of all images. */
  positions: number;
}

function convSizes(x: WasmTensor, weight: WasmTensor, y: WasmTensor, groups: number): ConvSizes {
  const [batch, height, width, channels] = x.shape;
  const [outChannels, kernelHeight, kernelWidth, groupIn] = weight.shape;
  const [, outHeight, outWidth] = y.shape;
  return {
    ...{
      batch,
      height,
      width,
      channels,
      outHeight,
      outWidth,
      outChannels,
      kernelHeight,
      kernelWidth,
      groupIn,
    },
    groupOut: outChannels / groups,
    positions: batch * outHeight * outWidth,
  };
}

function isDepthwise(s: ConvSizes, { groups }: Conv2dAttrs): boolean {
  return groups > 1 && s.groupIn === 1 && s.groupOut === 1;
}

/** Patches are the rows of x themselves. */
function isPointwise(s: ConvSizes, { stride, padding, groups }: Conv2dAttrs): boolean {
  const plain = stride[0] === 1 && stride[1] === 1 && padding[0] === 0 && padding[1] === 0;
  return plain && s.kernelHeight === 1 && s.kernelWidth === 1 && groups === 1;
}

/** The last arguments of gatherPatches for a convolution. */
function forwardTaps(s: ConvSizes, { stride, padding, dilation }: Conv2dAttrs): number[] {
  return [
    ...[s.height, s.width, s.groupIn, s.outHeight, s.outWidth, s.kernelHeight, s.kernelWidth],
    ...[stride[0], stride[1], -padding[0], -padding[1], dilation[0], dilation[1]],
  ];
}

/** Convolution by gathered patches: `taps` are gatherPatches' arguments, patch and n those of one group. */
function convolve(
  cx: KernelContext,
  [x, packed, bias, y]: readonly [x: number, packed: number, bias: number, y: number],
  [total, groups, n, patch]: readonly [total: number, groups: number, n: number, patch: number],
  taps: readonly number[],
): void {
  const tile = Math.min(8, Math.max(1, Math.floor(gatheredElements / (tileRows * patch + 1)))) * tileRows;
  const scratchStep = (tile * patch + 16) * 4 + packedRowsBytes(tile, patch);
  const scratch = cx.scratch(cx.threads * scratchStep);
  const args = [x, packed, bias, y, scratch, scratchStep, total, tile, groups, n, ...taps];
  cx.parallel(
    'convolve',
    args,
    groups * Math.ceil(total / tile),
    Math.ceil(workGrain / (tile * patch * n + 1)),
  );
}

/** x [N,H,W,C], weight [O,kh,kw,C/groups], bias [O]? → y [N,OH,OW,O] */
export const conv2d: WasmKernel<'conv2d'> = (cx, { x, weight, bias, y }, attrs) => {
  const { groups } = attrs;
  const s = convSizes(x, weight, y, groups);
  const biasAt = bias ? cx.address(bias) : 0;
  if (isDepthwise(s, attrs)) {
    depthwise(cx, cx.address(x), cx.address(weight), biasAt, cx.address(y), s, attrs);
    return;
  }
  const patch = s.kernelHeight * s.kernelWidth * s.groupIn;
  const n = s.groupOut;
  const source = { matrices: groups, matrixStep: n * patch, n, columnStep: patch, k: patch, kStep: 1 };
  const packed = packPanels(cx, cx.address(weight), source);
  const [xAt, yAt] = [cx.address(x), cx.address(y)];
  if (isPointwise(s, attrs)) {
    const left = { address: xAt, step: 0 };
    multiply(cx, left, { packed, step: 0 }, biasAt, yAt, [1, s.positions, n, patch]);
  } else {
    const taps = [...forwardTaps(s, attrs), 1, 1];
    convolve(cx, [xAt, packed, biasAt, yAt], [s.positions, groups, n, patch], taps);
  }
};

/** gradY, weight → gradX [N,H,W,C]: the transposed convolution, each element of gradX gathering what reaches it */
export const conv2dBackwardInput: WasmKernel<'conv2dBackwardInput'> = (
  cx,
  { gradY, weight, gradX },
  attrs,
) => {
  const { groups, stride, padding, dilation } = attrs;
  const s = convSizes(gradX, weight, gradY, groups);
  const weightAt = cx.address(weight);
  const [gradYAt, gradXAt] = [cx.address(gradY), cx.address(gradX)];
  if (isDepthwise(s, attrs)) {
    depthwiseBackwardInput(cx, gradYAt, weightAt, gradXAt, s, attrs);
    return;
  }
  const kernelTaps = s.kernelHeight * s.kernelWidth;
  // Columns are input channels, rows the taps' output channels.
  const packed = packPanels(cx, weightAt, {
    matrices: groups,
    matrixStep: s.groupOut * kernelTaps * s.groupIn,
    n: s.groupIn,
    columnStep: 1,
    k: s.groupOut,
    kStep: kernelTaps * s.groupIn,
    taps: kernelTaps,
    tapStep: s.groupIn,
  });
  if (isPointwise(s, attrs)) {
    const left = { address: gradYAt, step: 0 };
    const sizes = [1, s.positions, s.channels, s.outChannels] as const;
    multiply(cx, left, { packed, step: 0 }, 0, gradXAt, sizes);
    return;
  }
  const taps = [
    ...[s.outHeight, s.outWidth, s.groupOut, s.height, s.width, s.kernelHeight, s.kernelWidth],
    ...[1, 1, padding[0], padding[1], -dilation[0], -dilation[1], stride[0], stride[1]],
  ];
  const total = s.batch * s.height * s.width;
  const sizes = [total, groups, s.groupIn, kernelTaps * s.groupOut] as const;
  convolve(cx, [gradYAt, packed, 0, gradXAt], sizes, taps);
};

/** Output positions summed at a time; more where there would be very many slices. */
const sliceRows = 512;
const mostSlices = 64;
/** Output channels of a unit: a multiple of the rows of a tile. */
const spanChannels = 48;

/** x, gradY → gradWeight [O,kh,kw,C/groups] */
export const conv2dBackwardWeight: WasmKernel<'conv2dBackwardWeight'> = (
  cx,
  { x, gradY, gradWeight },
  attrs,
) => {
  const { groups } = attrs;
  const s = convSizes(x, gradWeight, gradY, groups);
  const [xAt, gradYAt, gradWeightAt] = [cx.address(x), cx.address(gradY), cx.address(gradWeight)];
  if (isDepthwise(s, attrs)) {
    depthwiseBackwardWeight(cx, xAt, gradYAt, gradWeightAt, s, attrs);
    return;
  }
  const pointwise = isPointwise(s, attrs);
  const patch = s.kernelHeight * s.kernelWidth * s.groupIn;
  const n = s.groupOut;
  const slice = Math.max(sliceRows, Math.ceil(s.positions / mostSlices));
  const slices = Math.max(1, Math.ceil(s.positions / slice));
  // Patches that have to be gathered are gathered once.
  const span = pointwise ? spanChannels : Math.ceil(n / spanChannels) * spanChannels;
  const columns = Math.ceil(patch / panel) * panel;
  const partial = cx.scratch(groups * slices * (n + 6) * columns * 4);
  const scratchStep = pointwise ? 0 : (depth * patch + 16) * 4;
  const scratch = pointwise ? 0 : cx.scratch(cx.threads * scratchStep);
  const args = [xAt, gradYAt, partial, scratch, scratchStep, s.positions, slice, slices, span];
  args.push(pointwise ? 1 : 0, groups, n, ...forwardTaps(s, attrs));
  const work = Math.min(slice, s.positions) * Math.min(span, n) * patch;
  const units = groups * slices * Math.ceil(n / span);
  cx.parallel('convolveWeightGradient', args, units, Math.ceil(workGrain / (work + 1)));
  const sum = [partial, gradWeightAt, slices, n, patch];
  cx.parallel('sumWeightGradient', sum, s.outChannels, Math.ceil(40_000 / (slices * patch + 1)));
};
