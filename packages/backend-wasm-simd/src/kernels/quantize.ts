import { type Address, nowhere } from '../address';
import { quantizeBlock as block, kindInt8, kindInt32, kindUint8 } from '../generated/constants';
import type { KernelContext, WasmKernel } from '../kernel';

/** Units worth a thread. */
const grain = 8;

/** The integers' dtype. */
const kinds: Readonly<Record<string, number>> = { uint8: kindUint8, int8: kindInt8, int32: kindInt32 };

/** Where the values of channels are; nowhere for one of all. */
function ofChannels(cx: KernelContext, values: Float32Array | Int32Array): Address {
  return values.length > 1 ? cx.upload(values) : nowhere;
}

/** x [o,c,i] float32 → y uint8, int8 or int32 */
export const quantize: WasmKernel<'quantize'> = (cx, { x, y }, { scale, zeroPoint, quantMin, quantMax }) => {
  const [outer, channels, inner] = x.shape;
  const inverse = scale.map((s) => 1 / s);
  const common = { x: cx.address(x), y: cx.address(y), kind: kinds[y.dtype], quantMin, quantMax };
  if (inner === 1 && scale.length > 1 && zeroPoint.length > 1) {
    const step = Math.ceil(block / channels);
    const steps = { inverses: cx.upload(inverse), zeros: cx.upload(zeroPoint) };
    const args = { ...common, rows: outer, channels, step, ...steps };
    cx.parallel('quantizeColumns', args, Math.ceil(outer / step), grain);
    return;
  }
  // One scale and zero point: all of it is one row.
  const flat = scale.length === 1 && zeroPoint.length === 1;
  const length = flat ? outer * channels * inner : inner;
  const blocks = Math.ceil(length / block);
  const args = {
    ...{ ...common, channels: flat ? 1 : channels, inner: length, blocks },
    ...{ inverse: inverse[0], inverses: ofChannels(cx, inverse) },
    ...{ zeroPoint: zeroPoint[0], zeros: ofChannels(cx, zeroPoint) },
  };
  const units = (flat ? 1 : outer * channels) * blocks;
  cx.parallel('quantize', args, units, Math.ceil((grain * block) / Math.min(block, length)));
};

/** x [n] float32 → y uint8 from 0 to quantMax, at one scale */
export function quantizeFlat(
  cx: KernelContext,
  x: Address,
  y: Address,
  n: number,
  { scale, zeroPoint, quantMax }: { scale: number; zeroPoint: number; quantMax: number },
): void {
  const blocks = Math.ceil(n / block);
  const args = {
    ...{ x, y, kind: kindUint8, quantMin: 0, quantMax, channels: 1, inner: n, blocks },
    ...{ inverse: Math.fround(1 / scale), inverses: nowhere, zeroPoint, zeros: nowhere },
  };
  cx.parallel('quantize', args, blocks, grain);
}

/** x [o,c,i] integers → y float32 */
export const dequantize: WasmKernel<'dequantize'> = (cx, { x, y }, { scale, zeroPoint }) => {
  const [outer, channels, inner] = x.shape;
  const common = { x: cx.address(x), y: cx.address(y), kind: kinds[x.dtype] };
  if (inner === 1 && scale.length > 1 && zeroPoint.length > 1) {
    const step = Math.ceil(block / channels);
    const steps = { scales: cx.upload(scale), zeros: cx.upload(zeroPoint) };
    const args = { ...common, rows: outer, channels, step, ...steps };
    cx.parallel('dequantizeColumns', args, Math.ceil(outer / step), grain);
    return;
  }
  const flat = scale.length === 1 && zeroPoint.length === 1;
  const length = flat ? outer * channels * inner : inner;
  const blocks = Math.ceil(length / block);
  const args = {
    ...{ ...common, channels: flat ? 1 : channels, inner: length, blocks },
    ...{ scale: scale[0], scales: ofChannels(cx, scale) },
    ...{ zeroPoint: zeroPoint[0], zeros: ofChannels(cx, zeroPoint) },
  };
  const units = (flat ? 1 : outer * channels) * blocks;
  cx.parallel('dequantize', args, units, Math.ceil((grain * block) / Math.min(block, length)));
};
