import type { Conv2dAttrs } from '@octet/backend';
import type { HostTensor } from '../kernel';

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
  patch: number;
  /** Output positions of the whole batch. */
  rows: number;
}

/** @param x the input (or its gradient), @param weight the weight (or its), @param y the output (or its). */
export function convGeometry(
  x: HostTensor,
  weight: HostTensor,
  y: HostTensor,
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
    patch: kernelHeight * kernelWidth * groupIn,
    rows: batch * outHeight * outWidth,
  };
}

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
    g.groups === 1
  );
}

/** How many rows to treat at once, so that rows of `rowLength` doubles stay in the second-level cache. */
export function tileRows(rowLength: number): number {
  return Math.max(16, Math.min(512, Math.floor(16384 / rowLength) & ~3));
}
