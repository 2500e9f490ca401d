import { qelementwiseBlock as block } from '../generated/constants';
import { size, type WasmKernel } from '../kernel';
import { writeConstants } from './qrequantize';

/** Units worth a thread. */
const grain = 16;

/** y[n] = clamp(roundHalfAway((A(a - aZeroPoint) + B(b - bZeroPoint)) / 2^shift) + yZeroPoint) */
export const qadd: WasmKernel<'qadd'> = (cx, { a, b, y }, attrs) => {
  const { aMultiplier, bMultiplier, shift, aZeroPoint, bZeroPoint, yZeroPoint, clampMin, clampMax } = attrs;
  const n = size(y);
  const offset = -(aMultiplier * aZeroPoint + bMultiplier * bZeroPoint);
  const addresses = { a: cx.address(a), b: cx.address(b), y: cx.address(y) };
  const rest = { n, aMultiplier, bMultiplier, offset, shift, yZeroPoint, clampMin, clampMax };
  cx.parallel('qadd', { ...addresses, ...rest }, Math.ceil(n / block), grain);
};

/** y[n] = clamp(rint(f32((a - aZeroPoint)(b - bZeroPoint)) · multiplier) + yZeroPoint) */
export const qmul: WasmKernel<'qmul'> = (cx, { a, b, y }, attrs) => {
  const { aZeroPoint, bZeroPoint, multiplier } = attrs;
  const n = size(y);
  const constants = cx.upload(writeConstants(attrs));
  const addresses = { a: cx.address(a), b: cx.address(b), y: cx.address(y), constants };
  cx.parallel('qmul', { ...addresses, n, aZeroPoint, bZeroPoint, multiplier }, Math.ceil(n / block), grain);
};

/** y[n] = table[x], where int8 counts from -128 */
export const qlookup: WasmKernel<'qlookup'> = (cx, { x, y }, { table }) => {
  const n = size(y);
  const flip = x.dtype === 'int8' ? 128 : 0;
  const args = { table: cx.upload(table), x: cx.address(x), y: cx.address(y), n, flip };
  cx.parallel('qlookup', args, Math.ceil(n / block), grain);
};
