import type { Conv2dAttrs, CopyStridedAttrs } from './kernel-table';

/** The sizes of one convolution: NHWC images, OHWI weights. */
export interface ConvGeometry {
  batch: number;
  inHeight: number;
  inWidth: number;
  inChannels: number;
  outHeight: number;
  outWidth: number;
  outChannels: number;
  kernelHeight: number;
  kernelWidth: number;
  strideHeight: number;
  strideWidth: number;
  padHeight: number;
  padWidth: number;
  dilationHeight: number;
  dilationWidth: number;
  groups: number;
  /** Channels per group. */
  groupIn: number;
  groupOut: number;
  /** Elements under one position of the kernel in one group: kernelHeight · kernelWidth · groupIn. */
  patchSize: number;
  /** Output positions of the whole batch. */
  rows: number;
}

interface Shaped {
  readonly shape: readonly number[];
}

/** @param x the input (or its gradient), @param weight the weight (or its), @param y the output (or its) */
export function convGeometry(
  x: Shaped,
  weight: Shaped,
  y: Shaped,
  { stride, padding, dilation, groups }: Conv2dAttrs,
): ConvGeometry {
  const [batch, inHeight, inWidth, inChannels] = x.shape;
  const [outChannels, kernelHeight, kernelWidth, groupIn] = weight.shape;
  const [, outHeight, outWidth] = y.shape;
  return {
    batch,
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    outChannels,
    kernelHeight,
    kernelWidth,
    strideHeight: stride[0],
    strideWidth: stride[1],
    padHeight: padding[0],
    padWidth: padding[1],
    dilationHeight: dilation[0],
    dilationWidth: dilation[1],
    groups,
    groupIn,
    groupOut: outChannels / groups,
    patchSize: kernelHeight * kernelWidth * groupIn,
    rows: batch * outHeight * outWidth,
  };
}

/** Whether every channel is a group. */
export function isDepthwise(g: ConvGeometry): boolean {
  return g.groups > 1 && g.groupIn === 1 && g.groupOut === 1;
}

/** Every output position sees exactly its own input position: patches are the rows of x themselves. */
export function isPointwise(g: ConvGeometry): boolean {
  return (
    g.kernelHeight === 1 &&
    g.kernelWidth === 1 &&
    g.strideHeight === 1 &&
    g.strideWidth === 1 &&
    g.padHeight === 0 &&
    g.padWidth === 0 &&
    g.inHeight === g.outHeight &&
    g.inWidth === g.outWidth &&
    g.groups === 1
  );
}

/** One loop of a strided copy. */
export interface CopyAxis {
  length: number;
  xStride: number;
  yStride: number;
}

/** The loops of a strided copy, as few as possible: an axis that merely continues the next one becomes part of it. */
export function mergeAxes({ shape, xStrides, yStrides }: CopyStridedAttrs): CopyAxis[] {
  const axes: CopyAxis[] = [];
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 1) continue;
    const axis = { length: shape[i], xStride: xStrides[i], yStride: yStrides[i] };
    const outer = axes.at(-1);
    if (outer?.xStride === axis.length * axis.xStride && outer.yStride === axis.length * axis.yStride) {
      axis.length *= outer.length;
      axes.pop();
    }
    axes.push(axis);
  }
  return axes;
}
