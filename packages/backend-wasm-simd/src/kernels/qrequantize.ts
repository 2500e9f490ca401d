import type { RequantizeAttrs } from '@octet/backend';
import type { WasmBuffer } from '../buffers';
import type { KernelContext } from '../kernel';

/** The bits of 1.5 · 2^23, as in assembly/qrequantize.ts. */
const magicBits = 0x4b400000;

type Bounds = Pick<RequantizeAttrs, 'yZeroPoint' | 'clampMin' | 'clampMax'>;

/** What `requantize` of assembly/qrequantize.ts wants: 64 bytes, and a flag that packed weights may use. */
export function writeConstants({ yZeroPoint, clampMin, clampMax }: Bounds, flag: boolean): Int32Array {
  const bits = new Int32Array(17);
  const floats = new Float32Array(bits.buffer);
  floats.fill(clampMin - yZeroPoint, 0, 4);
  floats.fill(clampMax - yZeroPoint, 4, 8);
  bits.fill(magicBits, 8, 12);
  bits.fill(magicBits - yZeroPoint, 12, 16);
  bits[16] = flag ? 1 : 0;
  return bits;
}

/** The same in memory that stays. */
export function requantizeConstants(cx: KernelContext, attrs: Bounds, flag: boolean): WasmBuffer {
  const constants = cx.allocate('int32', 17);
  cx.buffers.write(constants, writeConstants(attrs, flag));
  return constants;
}

/** Values of which one may stand for all, for wasm: their address and the bytes from one to the next. */
export function uploadSteps(
  cx: KernelContext,
  values: Int32Array | Float32Array,
): [address: number, step: number] {
  return [cx.upload(values), values.length > 1 ? 4 : 0];
}
