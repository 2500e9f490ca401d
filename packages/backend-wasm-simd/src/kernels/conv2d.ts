import {
  type Conv2dAttrs,
  type ConvGeometry,
  convGeometry,
  isPointwise,
  numel,
  subConvolutions,
  subOutput,
} from '@octet/backend';
import { type Address, nowhere } from '../address';
import { maxTile, panel, patchRows, unitRows } from '../generated/constants';
import type { Calls } from '../generated/exports';
import type { KernelContext, WasmKernel, WasmTensor } from '../kernel';
import { boundsOf, unbounded } from './bounds';
import { copyAt } from './copy-strided';
import { depthwise, depthwiseBackwardInput, depthwiseBackwardWeight } from './depthwise';
import { multiply, type Packable, packable, packedRowsBytes, packPanels, workGrain } from './matmul';
import { byPlanes, type Grouping } from './spread';

/** Elements of gathered patches that stay in the second-level cache. */
const gatheredElements = 65_536;

/** Input by output channels of a group, up to which planes are faster than a matrix product. */
const mostProducts = 16;

function isNarrow(s: ConvGeometry, grouping: Grouping = s): boolean {
  return byPlanes(grouping, s.kernelHeight * s.kernelWidth, mostProducts);
}

/** The same for a convolution. The matrix product of one group gathers its patches by whole rows of the kernel, which is fast. */
function isByPlanes(s: ConvGeometry, { stride, dilation }: Conv2dAttrs): boolean {
  if (!isNarrow(s) || s.groups > 1 || dilation[1] > 1) return isNarrow(s);
  const close = s.groupIn === 1 && stride[0] === 1 && stride[1] === 1;
  return s.groupOut <= (close ? 8 : 4);
}

/** How `convolve` gathers patches: see gatherPatches of assembly/conv.ts. */
type Taps = Pick<Calls['convolve'], keyof ReturnType<typeof forwardTaps> | 'divisorH' | 'divisorW'>;

/** The patches of a convolution; its divisors are 1. */
function forwardTaps(s: ConvGeometry, { stride, padding, dilation }: Conv2dAttrs) {
  return {
    height: s.inHeight,
    width: s.inWidth,
    channels: s.groupIn,
    outHeight: s.outHeight,
    outWidth: s.outWidth,
    kernelHeight: s.kernelHeight,
    kernelWidth: s.kernelWidth,
    stepH: stride[0],
    stepW: stride[1],
    firstH: -padding[0],
    firstW: -padding[1],
    tapH: dilation[0],
    tapW: dilation[1],
  };
}

/** Convolution by gathered patches: patch and n are those of one group. */
function convolve(
  cx: KernelContext,
  operands: Pick<Calls['convolve'], 'x' | 'packed' | 'bias' | 'low' | 'high' | 'y'>,
  { total, groups, n, patch }: Record<'total' | 'groups' | 'n' | 'patch', number>,
  taps: Taps,
): void {
  const tile = Math.min(8, Math.max(1, Math.floor(gatheredElements / (unitRows * patch + 1)))) * unitRows;
  const scratch = cx.scratchEach((tile * patch + 16) * 4 + packedRowsBytes(tile, patch));
  cx.parallel(
    'convolve',
    { ...taps, ...operands, ...scratch, total, tile, groups, n },
    groups * Math.ceil(total / tile),
    Math.ceil(workGrain / (tile * patch * n + 1)),
  );
}

/** Where the tensors of a convolution lie. */
type Places = Record<'x' | 'bias' | 'y', Address> & { readonly weight: Packable };

/** x [N,H,W,C], weight [O,kh,kw,C/groups], bias [O]? → y [N,OH,OW,O], clamped */
export const conv2d: WasmKernel<'conv2d'> = (cx, { x, weight, bias, y }, attrs) => {
  const places = {
    x: cx.address(x),
    weight: packable(cx, weight),
    bias: cx.addressIfAny(bias),
    y: cx.address(y),
  };
  convolveAt(cx, places, convGeometry(x, weight, y, attrs), attrs, boundsOf(attrs.clamp));
};

function convolveAt(
  cx: KernelContext,
  { x, weight, bias, y }: Places,
  s: ConvGeometry,
  attrs: Conv2dAttrs,
  bounds = unbounded,
): void {
  const { groups } = attrs;
  if (isByPlanes(s, attrs)) {
    depthwise(cx, x, weight, bias, y, s, attrs);
    return;
  }
  const patch = s.patchSize;
  const n = s.groupOut;
  const source = { matrices: groups, matrixStep: n * patch, n, columnStep: patch, k: patch, kStep: 1 };
  const packed = packPanels(cx, weight, source);
  if (isPointwise(s)) {
    multiply(cx, { address: x, step: 0 }, { packed, step: 0 }, bias, y, [1, s.rows, n, patch], bounds);
  } else {
    const taps = { ...forwardTaps(s, attrs), divisorH: 1, divisorW: 1 };
    convolve(cx, { x, packed, bias, ...bounds, y }, { total: s.rows, groups, n, patch }, taps);
  }
}

/** x [N,H,W,C], weight [C,kh,kw,O/groups], bias [O]? → y [N,OH,OW,O] */
export const convTranspose2d: WasmKernel<'convTranspose2d'> = (cx, { x, weight, bias, y }, attrs) =>
  transpose(cx, { x, weight, bias, y }, attrs);

/** A convolution for each phase of the stride, then put in its place. */
function transpose(
  cx: KernelContext,
  { x, weight, bias, y }: Record<'x' | 'weight' | 'y', WasmTensor> & { bias?: WasmTensor | undefined },
  attrs: Conv2dAttrs,
): void {
  const [xAt, biasAt, yAt] = [cx.address(x), cx.addressIfAny(bias), cx.address(y)];
  for (const part of subConvolutions(weight.shape, attrs)) {
    const to = subOutput(part, y.shape, attrs);
    if (!to) continue;
    const { weightShape, weightCopy } = part;
    if (!weightCopy) {
      // Nothing reaches it.
      const row = bias ? biasAt : cx.upload(new Float32Array(y.shape[3]));
      if (to.copy) copyAt(cx, row, yAt, 4, { ...to.copy, xStrides: [0, 0, 0, 1], xOffset: 0 });
      continue;
    }
    const weightPart = {
      of: weight,
      at() {
        // Vectors may reach past the end.
        const at = cx.scratch(numel(weightShape) * 4 + 64);
        copyAt(cx, cx.address(weight), at, 4, weightCopy);
        return at;
      },
    };
    const target = to.copy ? cx.scratch(numel(to.shape) * 4 + 64) : yAt;
    const s = convGeometry(x, { shape: weightShape }, { shape: to.shape }, to.attrs);
    convolveAt(cx, { x: xAt, weight: weightPart, bias: biasAt, y: target }, s, to.attrs);
    if (to.copy) copyAt(cx, target, yAt, 4, to.copy);
  }
}

/** gradY, weight → gradX [N,H,W,C]: the transposed convolution, each element of gradX gathering what reaches it */
export const conv2dBackwardInput: WasmKernel<'conv2dBackwardInput'> = (
  cx,
  { gradY, weight, gradX },
  attrs,
) => {
  const { groups, stride, padding, dilation } = attrs;
  if (stride[0] * stride[1] > 1) {
    transpose(cx, { x: gradY, weight, y: gradX }, attrs);
    return;
  }
  const s = convGeometry(gradX, weight, gradY, attrs);
  const [gradYAt, gradXAt] = [cx.address(gradY), cx.address(gradX)];
  if (isNarrow(s, { groups, groupIn: s.groupOut, groupOut: s.groupIn })) {
    depthwiseBackwardInput(cx, gradYAt, packable(cx, weight), gradXAt, s, attrs);
    return;
  }
  const kernelTaps = s.kernelHeight * s.kernelWidth;
  // Columns are input channels, rows the taps' output channels.
  const packed = packPanels(cx, packable(cx, weight), {
    matrices: groups,
    matrixStep: s.groupOut * kernelTaps * s.groupIn,
    n: s.groupIn,
    columnStep: 1,
    k: s.groupOut,
    kStep: kernelTaps * s.groupIn,
    taps: kernelTaps,
    tapStep: s.groupIn,
  });
  if (isPointwise(s)) {
    const left = { address: gradYAt, step: 0 };
    const sizes = [1, s.rows, s.inChannels, s.outChannels] as const;
    multiply(cx, left, { packed, step: 0 }, nowhere, gradXAt, sizes);
    return;
  }
  const taps = {
    ...{ height: s.outHeight, width: s.outWidth, channels: s.groupOut },
    ...{ outHeight: s.inHeight, outWidth: s.inWidth },
    ...{ kernelHeight: s.kernelHeight, kernelWidth: s.kernelWidth, stepH: 1, stepW: 1 },
    ...{ firstH: padding[0], firstW: padding[1], tapH: -dilation[0], tapW: -dilation[1] },
    ...{ divisorH: stride[0], divisorW: stride[1] },
  };
  const total = s.batch * s.inHeight * s.inWidth;
  const sizes = { total, groups, n: s.groupIn, patch: kernelTaps * s.groupOut };
  convolve(cx, { x: gradYAt, packed, bias: nowhere, ...unbounded, y: gradXAt }, sizes, taps);
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
  const s = convGeometry(x, gradWeight, gradY, attrs);
  const [xAt, gradYAt, gradWeightAt] = [cx.address(x), cx.address(gradY), cx.address(gradWeight)];
  if (isNarrow(s)) {
    depthwiseBackwardWeight(cx, xAt, gradYAt, gradWeightAt, s, attrs);
    return;
  }
  const pointwise = isPointwise(s);
  const patch = s.patchSize;
  const n = s.groupOut;
  const slice = Math.max(sliceRows, Math.ceil(s.rows / mostSlices));
  const slices = Math.max(1, Math.ceil(s.rows / slice));
  // Patches that have to be gathered are gathered once.
  const span = pointwise ? spanChannels : Math.ceil(n / spanChannels) * spanChannels;
  const columns = Math.ceil(patch / panel) * panel;
  const partial = cx.scratch(groups * slices * (n + maxTile) * columns * 4);
  const scratch = cx.scratchEach(pointwise ? 0 : (patchRows * patch + 16) * 4);
  const args = {
    ...forwardTaps(s, attrs),
    ...{ x: xAt, gradY: gradYAt, partial, ...scratch },
    ...{ total: s.rows, slice, slices, span, pointwise, groups, n },
  };
  const work = Math.min(slice, s.rows) * Math.min(span, n) * patch;
  const units = groups * slices * Math.ceil(n / span);
  cx.parallel('convolveWeightGradient', args, units, Math.ceil(workGrain / (work + 1)));
  const sum = { partial, gradWeight: gradWeightAt, slices, n, patch };
  cx.parallel('sumWeightGradient', sum, s.outChannels, Math.ceil(40_000 / (slices * patch + 1)));
};
