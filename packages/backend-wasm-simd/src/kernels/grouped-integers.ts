import { checkIndices } from '@octet/backend';
import { panel, unitRows } from '../generated/constants';
import type { WasmKernel, WasmTensor } from '../kernel';
import { fewRows, packedRowsBytes, workGrain } from './matmul';

/** `kind` of assembly/grouped-integers.ts. */
const kindOf = (bits: number, { dtype }: WasmTensor) => (bits === 4 ? 2 : dtype === 'int8' ? 1 : 0);

/** x [m,k], grouped integers of [n,k], bias [n]? → y [m,n] */
export const qlinearWeightOnly: WasmKernel<'qlinearWeightOnly'> = (
  cx,
  { x, weight, scale, zeroPoint, bias, y },
  { bits, groupSize },
) => {
  const [m, n] = y.shape;
  const k = x.shape[1];
  if (m === 0) return;
  const args = {
    ...{ x: cx.address(x), weight: cx.address(weight), scale: cx.address(scale), y: cx.address(y) },
    ...{ zero: cx.addressIfAny(zeroPoint), bias: cx.addressIfAny(bias) },
    kind: kindOf(bits, weight),
    ...{ m, n, k, groupSize },
  };
  if (m <= fewRows) {
    const groups = Math.ceil(k / groupSize);
    // x in 16 bits, in steps of up to 32 columns, and two numbers a group.
    const bytes = 128 + groups * (8 + 2 * 32 * Math.ceil(groupSize / 32));
    const rowStep = 64 * Math.ceil(bytes / 64);
    const scratch = cx.scratchEach(64 + m * rowStep);
    const units = Math.ceil(n / 2);
    const grain = Math.ceil(workGrain / (4 * m * k + 1));
    cx.parallel('dotGroupedRows', { ...args, ...scratch, rowStep }, units, grain);
    return;
  }
  // int8 too is taken as uint8.
  const middle = bits === 4 ? 8 : 128;
  const scratch = cx.scratchEach(2 * panel * k * 4 + 64 + packedRowsBytes(unitRows, k));
  const grain = Math.ceil(workGrain / ((m + 8) * panel * k + 1));
  cx.parallel('multiplyGrouped', { ...args, middle, ...scratch }, Math.ceil(n / panel), grain);
};

/** y [n,d] = w[index], w [v,d] from grouped integers. @throws ArgumentError for an index that is no row of weight */
export const qembedding: WasmKernel<'qembedding'> = (
  cx,
  { weight, scale, zeroPoint, index, y },
  { bits, groupSize },
) => {
  const [n, columns] = y.shape;
  const at = cx.address(index);
  checkIndices('embedding', 'indices', cx.view('int32', at, n) as Int32Array, n, weight.shape[0]);
  const args = {
    ...{ weight: cx.address(weight), scale: cx.address(scale), zero: cx.addressIfAny(zeroPoint) },
    ...{ index: at, y: cx.address(y), columns, width: weight.shape[1], groupSize },
    kind: kindOf(bits, weight),
    middle: bits === 4 ? 8 : 128,
  };
  cx.parallel('embedGrouped', args, n, Math.ceil(workGrain / (8 * columns + 1)));
};
