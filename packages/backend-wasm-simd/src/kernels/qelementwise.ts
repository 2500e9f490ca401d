import { size, type WasmKernel } from '../kernel';
import { writeConstants } from './qrequantize';

/** Elements of a unit, as in assembly/qelementwise.ts. */
const block = 4096;
/** Units worth a thread. */
const grain = 16;

/** y[n] = clamp(roundHalfAway((A(a - aZeroPoint) + B(b - bZeroPoint)) / 2^shift) + yZeroPoint) */
export const qadd: WasmKernel<'qadd'> = (cx, { a, b, y }, attrs) => {
  const { aMultiplier, bMultiplier, shift, aZeroPoint, bZeroPoint, yZeroPoint, clampMin, clampMax } = attrs;
  const n = size(y);
  const offset = -(aMultiplier * aZeroPoint + bMultiplier * bZeroPoint);
  const args = [cx.address(a), cx.address(b), cx.address(y), n, aMultiplier, bMultiplier, offset, shift];
  args.push(yZeroPoint, clampMin, clampMax);
  cx.parallel('qadd', args, Math.ceil(n / block), grain);
};

/** y[n] = clamp(rint(f32((a - aZeroPoint)(b - bZeroPoint)) · multiplier) + yZeroPoint) */
export const qmul: WasmKernel<'qmul'> = (cx, { a, b, y }, attrs) => {
  const n = size(y);
  const constants = cx.upload(writeConstants(attrs));
  const args = [cx.address(a), cx.address(b), cx.address(y), n, attrs.aZeroPoint, attrs.bZeroPoint];
  args.push(attrs.multiplier, constants);
  cx.parallel('qmul', args, Math.ceil(n / block), grain);
};

/** y[n] = table[x], where int8 counts from -128 */
export const qlookup: WasmKernel<'qlookup'> = (cx, { x, y }, { table }) => {
  const n = size(y);
  const flip = x.dtype === 'int8' ? 128 : 0;
  const args = [cx.address(x), cx.upload(table), cx.address(y), n, flip];
  cx.parallel('qlookup', args, Math.ceil(n / block), grain);
};
