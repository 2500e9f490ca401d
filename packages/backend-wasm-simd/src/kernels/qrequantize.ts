import type { RequantizeAttrs } from '@octet/backend';
import type { Address } from '../address';
import type { WasmBuffer } from '../buffers';
import { boundedFlag, formFlag, smallFlag } from '../generated/constants';
import type { KernelContext } from '../kernel';

/** See MAGIC in assembly/qrequantize.ts. */
const magic = 1.5 * 2 ** 23;

type Bounds = Pick<RequantizeAttrs, 'yZeroPoint' | 'clampMin' | 'clampMax'>;

/** The constants that were made last: layers ask for the same at every call. */
const known = new Map<number, Int32Array>();
const mostKnown = 256;

/**
 * What `requantize` of assembly/qrequantize.ts wants, and flags, of which packing weights clears two: sums times multipliers are
 * small; the form of products, if the weights fit its bytes: see qgemm.ts.
 */
export function writeConstants(bounds: Bounds, form = 0): Int32Array {
  const { yZeroPoint, clampMin, clampMax } = bounds;
  const key = [yZeroPoint, clampMin, clampMax].reduce((sum, v) => 512 * sum + v + 128, form);
  const found = known.get(key) ?? constantsOf(bounds, form);
  if (known.size >= mostKnown) known.clear();
  known.set(key, found);
  return found;
}

function constantsOf({ yZeroPoint, clampMin, clampMax }: Bounds, form: number): Int32Array {
  const bits = new Int32Array(boundedFlag / 4 + 1);
  const bytes = new Uint8Array(bits.buffer);
  const floats = new Float32Array(bits.buffer);
  const odd = yZeroPoint & 1;
  floats.fill(magic + yZeroPoint - odd, 0, 4);
  new Int16Array(bits.buffer).fill(odd, 8, 16);
  bytes.fill(clampMin, 32, 48);
  bytes.fill(clampMax, 48, 64);
  floats.fill(clampMin - yZeroPoint, 16, 20);
  floats.fill(clampMax - yZeroPoint, 20, 24);
  bits[smallFlag / 4] = 1;
  bits[formFlag / 4] = form;
  bits[boundedFlag / 4] = Number(odd !== 0 || clampMin > 0 || clampMax < 255);
  return bits;
}

/** The same in memory that stays. */
export function requantizeConstants(cx: KernelContext, attrs: Bounds, form?: number): WasmBuffer {
  const values = writeConstants(attrs, form);
  const constants = cx.allocate('int32', values.length);
  cx.buffers.write(constants, values);
  return constants;
}

/** Values of which one may stand for all, for wasm: their address and the bytes from one to the next. */
export function uploadSteps(
  cx: KernelContext,
  values: Int32Array | Float32Array,
): [address: Address, step: number] {
  return [cx.upload(values), values.length > 1 ? 4 : 0];
}
