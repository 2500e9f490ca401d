import { type ConvGeometry, isDepthwise } from '@octet/backend';
import type { FloatArray } from '../kernel';
import { depthwise } from './depthwise';
import { gemm } from './gemm';
import { im2col } from './im2col';
import { scratch } from './scratch';
import { tileRows } from './tile-rows';

/** Takes the sums of output positions `row0` to `row0 + count`, channels `channel0` to `channel0 + channels`. */
export type Emit = (
  sums: Float64Array,
  row0: number,
  count: number,
  channel0: number,
  channels: number,
) => void;

/**
 * Σ (x - xZeroPoint) · weight over every patch, in doubles, handed to `emit` tile by tile. Float and int8 convolutions
 * differ only in what they make of the sums: integers below 2^53 are exact in doubles.
 *
 * @param weight [O, patch], zero points already subtracted
 */
export function convolve(
  x: FloatArray | Uint8Array,
  xZeroPoint: number,
  weight: Float64Array,
  g: ConvGeometry,
  emit: Emit,
): void {
  if (isDepthwise(g)) {
    depthwise(x, xZeroPoint, weight, g, emit);
    return;
  }
  const { patchSize: patch, groupOut } = g;
  const tile = tileRows(patch);
  const columns = scratch('convolve columns', tile * patch);
  const sums = scratch('convolve sums', tile * groupOut);
  for (let group = 0; group < g.groups; group++) {
    const rows = weight.subarray(group * groupOut * patch, (group + 1) * groupOut * patch);
    for (let row0 = 0; row0 < g.rows; row0 += tile) {
      const count = Math.min(tile, g.rows - row0);
      im2col(x, xZeroPoint, g, group, row0, count, columns);
      gemm(columns, rows, sums, count, groupOut, patch);
      emit(sums, row0, count, group * groupOut, groupOut);
    }
  }
}
