import { panel, unitRows } from '../generated/constants';
import type { WasmKernel } from '../kernel';
import { fewRows, packedRowsBytes, workGrain } from './matmul';

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
    kind: bits === 4 ? 2 : weight.dtype === 'int8' ? 1 : 0,
    // int8 too is taken as uint8.
    middle: bits === 4 ? 8 : 128,
    ...{ m, n, k, groupSize },
  };
  if (m <= fewRows) {
    cx.parallel('dotGroupedRows', args, n, Math.ceil(workGrain / (2 * m * k + 1)));
    return;
  }
  const scratchStep = 2 * panel * k * 4 + 64 + packedRowsBytes(unitRows, k);
  const scratch = cx.scratch(cx.threads * scratchStep);
  const grain = Math.ceil(workGrain / ((m + 8) * panel * k + 1));
  cx.parallel('multiplyGrouped', { ...args, scratch, scratchStep }, Math.ceil(n / panel), grain);
};
