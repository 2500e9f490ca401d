import type { Conv2dAttrs, CopyStridedAttrs, Pair } from './kernel-table';

/** What the outputs of a transposed convolution that lie a stride apart see of its kernel, along one dim. */
interface Phase {
  /** The phase of output o is (o + padding) mod stride. */
  readonly phase: number;
  /** Taps of the kernel that reach it: first, how far apart, how many. */
  readonly first: number;
  readonly step: number;
  readonly taps: number;
  /** Steps in x from one tap to the next. */
  readonly dilation: number;
  /** How far before its own position in x the first tap looks. */
  readonly shift: number;
}

function phasesOf(kernel: number, stride: number, dilation: number): Phase[] {
  return Array.from({ length: stride }, (_, phase) => {
    const reaching: number[] = [];
    for (let k = 0; k < kernel; k++) if ((k * dilation) % stride === phase) reaching.push(k);
    const [first = 0, second = first + 1] = reaching;
    const step = second - first;
    return {
      phase,
      first,
      step,
      taps: reaching.length,
      dilation: reaching.length > 1 ? (step * dilation) / stride : 1,
      shift: reaching.length > 0 ? (first * dilation - phase) / stride : 0,
    };
  });
}

/** A part of a transposed convolution: an ordinary one of stride 1 that gives every stride-th row and column of the output. */
export interface SubConvolution {
  /** Of its own weight [O,kh,kw,C/groups]. */
  readonly weightShape: readonly [number, number, number, number];
  /** How that is copied from the weight [C,kh,kw,O/groups]; undefined: it is zero. */
  readonly weightCopy: CopyStridedAttrs | undefined;
  /** Its own; its stride is 1. */
  readonly dilation: Pair;
  readonly down: Phase;
  readonly right: Phase;
}

/** The parts of a transposed convolution with the weight [C,kh,kw,O/groups]: XNNPACK's subconvolution. */
export function subConvolutions(
  [channels, kernelHeight, kernelWidth, groupOut]: readonly number[],
  { stride, dilation, groups }: Conv2dAttrs,
): SubConvolution[] {
  const groupIn = channels / groups;
  const column = groupOut;
  const row = kernelWidth * column;
  const channel = kernelHeight * row;
  const across = phasesOf(kernelWidth, stride[1], dilation[1]);
  return phasesOf(kernelHeight, stride[0], dilation[0]).flatMap((down) =>
    across.map((right): SubConvolution => {
      const taps = [down.taps, right.taps] as const;
      // What no tap reaches has one of zero.
      const none = taps[0] * taps[1] === 0;
      const [height, width] = none ? [1, 1] : taps;
      const lastRow = down.first + (height - 1) * down.step;
      const lastColumn = right.first + (width - 1) * right.step;
      return {
        weightShape: [groups * groupOut, height, width, groupIn],
        weightCopy: none
          ? undefined
          : {
              shape: [groups, groupOut, height, width, groupIn],
              // The last tap first: it looks at what comes first in x.
              xStrides: [groupIn * channel, 1, -down.step * row, -right.step * column, channel],
              xOffset: lastRow * row + lastColumn * column,
              yStrides: [
                groupOut * height * width * groupIn,
                height * width * groupIn,
                width * groupIn,
                groupIn,
                1,
              ],
              yOffset: 0,
            },
        dilation: none ? [1, 1] : [down.dilation, right.dilation],
        down,
        right,
      };
    }),
  );
}

/** What a part gives: an image, of which the first rows and columns may be none of the output's. */
export interface SubOutput {
  readonly attrs: Conv2dAttrs;
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  /** How it is copied to y; undefined if it is y. */
  readonly copy: CopyStridedAttrs | undefined;
}

/** What the part gives to y [N,OH,OW,O]; undefined: nothing. */
export function subOutput(
  { weightCopy, dilation, down, right }: SubConvolution,
  [batch, outHeight, outWidth, channels]: readonly number[],
  { stride, padding, groups }: Conv2dAttrs,
): SubOutput | undefined {
  const along = (dim: 0 | 1, { phase, shift, taps }: Phase, size: number) => {
    const begin = Math.ceil((padding[dim] - phase) / stride[dim]);
    const end = Math.floor((size - 1 - phase + padding[dim]) / stride[dim]) + 1;
    const reach = weightCopy ? shift + (taps - 1) * dilation[dim] : begin;
    // No padding below zero: what comes before the output is computed too.
    const from = Math.min(begin, reach);
    return {
      count: Math.max(0, end - begin),
      skipped: begin - from,
      padding: reach - from,
      first: begin * stride[dim] + phase - padding[dim],
    };
  };
  const rows = along(0, down, outHeight);
  const columns = along(1, right, outWidth);
  if (rows.count * columns.count * batch === 0) return undefined;
  const shape = [batch, rows.count + rows.skipped, columns.count + columns.skipped, channels] as const;
  const whole = stride[0] * stride[1] === 1 && rows.skipped + columns.skipped === 0;
  return {
    attrs: {
      stride: [1, 1],
      padding: [rows.padding, columns.padding],
      dilation,
      groups,
    },
    shape,
    copy: whole
      ? undefined
      : {
          shape: [batch, rows.count, columns.count, channels],
          xStrides: [shape[1] * shape[2] * channels, shape[2] * channels, channels, 1],
          xOffset: (rows.skipped * shape[2] + columns.skipped) * channels,
          yStrides: [
            outHeight * outWidth * channels,
            stride[0] * outWidth * channels,
            stride[1] * channels,
            1,
          ],
          yOffset: (rows.first * outWidth + columns.first) * channels,
        },
  };
}
