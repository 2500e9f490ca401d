import type { RequantizeAttrs } from '@octet/backend';
import type { WasmBuffer } from '../buffers';
import type { KernelContext } from '../kernel';

/** The bits of 1.5 · 2^23, as in assembly/qrequantize.ts. */
const magicBits = 0x4b400000;

/** What `requantize` of assembly/qrequantize.ts wants: 48 bytes, and a flag that packed weights may use. */
export function requantizeConstants(
  cx: KernelContext,
  { yZeroPoint, clampMin, clampMax }: RequantizeAttrs,
  flag: boolean,
): WasmBuffer {
  const constants = cx.allocate('int32', 13);
  const bits = new Int32Array(13);
  const floats = new Float32Array(bits.buffer);
  floats.fill(clampMin - yZeroPoint, 0, 4);
  floats.fill(clampMax - yZeroPoint, 4, 8);
  bits.fill(magicBits - yZeroPoint, 8, 12);
  bits[12] = flag ? 1 : 0;
  cx.buffers.write(constants, bits);
  return constants;
}

/** Values of which one may stand for all, for wasm: their address and the bytes from one to the next. */
export function uploadSteps(cx: KernelContext, values: Int32Array | Float32Array): [address: number, step: number] {
  return [cx.upload(values), values.length > 1 ? 4 : 0];
}
