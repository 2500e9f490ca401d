import type { Conv2dAttrs, ConvGeometry, KernelTable } from '@octet/backend';
import { type Address, nowhere } from '../address';
import type { Calls } from '../generated/exports';
import type { KernelContext } from '../kernel';
import { boundsOf, unbounded } from './bounds';
import { type Packable, workGrain } from './matmul';
import { type Grouping, spreadTable } from './spread';

/** Bytes of a band of rows: some of it stays in the first-level cache, all of it in the second. */
const bandBytes = 65_536;
/** Bytes of a band of one row, at most: more are cut into blocks of channels, of at least `leastBlock`. */
const blockBytes = 262_144;
const leastBlock = 16;
/** Rows of a band, at most. */
const mostRows = 16;
/** Sums of a weight's gradient that are kept apart and added up afterwards. */
const mostParts = 64;

/** One depthwise convolution as the wasm side sees it: x, spread out by `up`, gives y. */
interface Depthwise extends Grouping {
  batch: number;
  /** Of x. */
  inputs: number;
  /** Of y. */
  channels: number;
  in: readonly [height: number, width: number];
  out: readonly [height: number, width: number];
  kernel: readonly [height: number, width: number];
  stride: readonly [number, number];
  padding: readonly [number, number];
  dilation: readonly [number, number];
  up: readonly [number, number];
}

const filledChannels = (channels: number) => Math.ceil(channels / 4) * 4;

/** How many channels make a block, how many rows of outputs a band of them, and its bytes with the table of taps. */
function bandOf(d: Depthwise): { block: number; rows: number; bytes: number } {
  const columns = (d.out[1] - 1) * d.stride[1] + (d.kernel[1] - 1) * d.dilation[1] + 1;
  const extra = (d.kernel[0] - 1) * d.dilation[0] + 1;
  const channel = columns * 4 * d.groupIn;
  const fitting = Math.floor(blockBytes / (channel * extra));
  // Even blocks, of whole vectors.
  const blocks = Math.ceil(d.channels / Math.max(leastBlock, fitting));
  const block = filledChannels(Math.ceil(d.channels / blocks));
  const line = channel * block;
  const most = Math.floor((bandBytes / line - extra) / d.stride[0]) + 1;
  const rows = Math.max(1, Math.min(most, mostRows, d.out[0]));
  // Even bands: 28 rows in bands of 14, not 16 and 12.
  const even = Math.ceil(d.out[0] / Math.ceil(d.out[0] / rows));
  const table = d.groupIn * d.kernel[0] * d.kernel[1] * 4 + 16;
  return { block, rows: even, bytes: ((even - 1) * d.stride[0] + extra) * line + table };
}

/** `reach`: 0, or for the transposed convolution the inputs of a group: see assembly/depthwise.ts. */
function pack(cx: KernelContext, { of, at }: Packable, d: Depthwise, reach = 0): Address {
  const { channels, groupIn, kernel } = d;
  const taps = kernel[0] * kernel[1];
  return cx.derived(of, groupIn * taps * filledChannels(channels) * 4, (packed) => {
    const args = { weight: at(), packed, channels, block: bandOf(d).block, taps, planes: groupIn, reach };
    cx.parallel('packDepthwise', args, groupIn * taps, Math.ceil(40_000 / channels));
  });
}

/** The arguments that the convolution and its weight's gradient share. */
function sizes(cx: KernelContext, d: Depthwise) {
  return {
    block: bandOf(d).block,
    spread: spreadTable(cx, d.channels, d, 2),
    planes: d.groupIn,
    inputs: d.inputs,
    height: d.in[0],
    width: d.in[1],
    channels: d.channels,
    outHeight: d.out[0],
    outWidth: d.out[1],
    kernelHeight: d.kernel[0],
    kernelWidth: d.kernel[1],
    strideH: d.stride[0],
    strideW: d.stride[1],
    padH: d.padding[0],
    padW: d.padding[1],
    dilationH: d.dilation[0],
    dilationW: d.dilation[1],
  };
}

function run(
  cx: KernelContext,
  operands: Pick<Calls['depthwise'], 'x' | 'weight' | 'bias' | 'low' | 'high' | 'y'>,
  d: Depthwise,
): void {
  const { block, rows, bytes } = bandOf(d);
  const rest = { ...cx.scratchEach(bytes), bandRows: rows, upH: d.up[0], upW: d.up[1] };
  const args = { ...sizes(cx, d), ...operands, ...rest };
  const work = rows * d.out[1] * block * d.groupIn * (d.kernel[0] * d.kernel[1] + 4);
  const units = d.batch * Math.ceil(d.out[0] / rows) * Math.ceil(d.channels / block);
  cx.parallel('depthwise', args, units, Math.ceil(workGrain / (2 * work + 1)));
}

function forward(s: ConvGeometry, { stride, padding, dilation }: Conv2dAttrs): Depthwise {
  return {
    ...{ batch: s.batch, inputs: s.inChannels, channels: s.outChannels },
    ...{ groups: s.groups, groupIn: s.groupIn, groupOut: s.groupOut },
    ...{ in: [s.inHeight, s.inWidth], out: [s.outHeight, s.outWidth] },
    ...{ kernel: [s.kernelHeight, s.kernelWidth], stride, padding, dilation, up: [1, 1] },
  };
}

export function depthwise(
  cx: KernelContext,
  x: Address,
  weight: Packable,
  bias: Address,
  y: Address,
  s: ConvGeometry,
  attrs: KernelTable['conv2d']['attrs'],
): void {
  const d = forward(s, attrs);
  run(cx, { x, weight: pack(cx, weight, d), bias, ...boundsOf(attrs.clamp), y }, d);
}

/** A convolution of gradY, zeros put between its pixels where the stride skipped some, with the kernel turned round. */
export function depthwiseBackwardInput(
  cx: KernelContext,
  gradY: Address,
  weight: Packable,
  gradX: Address,
  s: ConvGeometry,
  { stride, padding, dilation }: Conv2dAttrs,
): void {
  const kernel = [s.kernelHeight, s.kernelWidth] as const;
  const d: Depthwise = {
    ...{ batch: s.batch, inputs: s.outChannels, channels: s.inChannels },
    ...{ groups: s.groups, groupIn: s.groupOut, groupOut: s.groupIn },
    ...{ in: [s.outHeight, s.outWidth], out: [s.inHeight, s.inWidth] },
    ...{ kernel, stride: [1, 1], dilation, up: stride },
    padding: [dilation[0] * (kernel[0] - 1) - padding[0], dilation[1] * (kernel[1] - 1) - padding[1]],
  };
  const packed = pack(cx, weight, d, s.groupIn);
  run(cx, { x: gradY, weight: packed, bias: nowhere, ...unbounded, y: gradX }, d);
}

export function depthwiseBackwardWeight(
  cx: KernelContext,
  x: Address,
  gradY: Address,
  gradWeight: Address,
  s: ConvGeometry,
  attrs: Conv2dAttrs,
): void {
  const d = forward(s, attrs);
  const { rows, bytes } = bandOf(d);
  const items = d.batch * Math.ceil(d.out[0] / rows);
  const share = Math.max(1, Math.ceil(items / mostParts));
  const parts = Math.ceil(items / share);
  const taps = d.kernel[0] * d.kernel[1] * d.groupIn;
  const partial = cx.scratch(parts * taps * filledChannels(d.channels) * 4);
  const rest = { ...cx.scratchEach(bytes), bandRows: rows, items, share };
  const args = { ...sizes(cx, d), x, gradY, partial, ...rest };
  const work = share * rows * d.out[1] * d.channels * (taps + 4);
  cx.parallel('depthwiseWeightGradient', args, parts, Math.ceil(workGrain / (2 * work + 1)));
  const sum = { partial, gradWeight, parts, channels: d.channels, taps };
  cx.parallel('sumDepthwiseGradient', sum, d.channels, Math.ceil(20_000 / (parts * taps + 1)));
}
