import type { WasmKernel } from '../kernel';
import { uploadSteps } from './qrequantize';

/** Elements of a unit, as in assembly/quantize.ts. */
const block = 4096;
/** Units worth a thread. */
const grain = 8;

/** The integers' dtype, as in assembly/quantize.ts. */
const kinds: Readonly<Record<string, number>> = { uint8: 0, int8: 1, int32: 2 };

/** x [o,c,i] float32 → y uint8, int8 or int32 */
export const quantize: WasmKernel<'quantize'> = (cx, { x, y }, { scale, zeroPoint, quantMin, quantMax }) => {
  const [outer, channels, inner] = x.shape;
  const inverse = scale.map((s) => 1 / s);
  const common = [cx.address(x), cx.address(y), kinds[y.dtype]];
  if (inner === 1 && scale.length > 1 && zeroPoint.length > 1) {
    const rows = Math.ceil(block / channels);
    const args = [
      ...common,
      outer,
      channels,
      rows,
      cx.upload(inverse),
      cx.upload(zeroPoint),
      quantMin,
      quantMax,
    ];
    cx.parallel('quantizeColumns', args, Math.ceil(outer / rows), grain);
    return;
  }
  // One scale and zero point: all of it is one row.
  const flat = scale.length === 1 && zeroPoint.length === 1;
  const length = flat ? outer * channels * inner : inner;
  const blocks = Math.ceil(length / block);
  const args = [
    ...common,
    flat ? 1 : channels,
    length,
    ...uploadSteps(cx, inverse),
    ...uploadSteps(cx, zeroPoint),
  ];
  const units = (flat ? 1 : outer * channels) * blocks;
  cx.parallel(
    'quantize',
    [...args, quantMin, quantMax, blocks],
    units,
    Math.ceil((grain * block) / Math.min(block, length)),
  );
};

/** x [o,c,i] integers → y float32 */
export const dequantize: WasmKernel<'dequantize'> = (cx, { x, y }, { scale, zeroPoint }) => {
  const [outer, channels, inner] = x.shape;
  const common = [cx.address(x), cx.address(y), kinds[x.dtype]];
  if (inner === 1 && scale.length > 1 && zeroPoint.length > 1) {
    const rows = Math.ceil(block / channels);
    const args = [...common, outer, channels, rows, cx.upload(scale), cx.upload(zeroPoint)];
    cx.parallel('dequantizeColumns', args, Math.ceil(outer / rows), grain);
    return;
  }
  const flat = scale.length === 1 && zeroPoint.length === 1;
  const length = flat ? outer * channels * inner : inner;
  const blocks = Math.ceil(length / block);
  const args = [
    ...common,
    flat ? 1 : channels,
    length,
    ...uploadSteps(cx, scale),
    ...uploadSteps(cx, zeroPoint),
  ];
  const units = (flat ? 1 : outer * channels) * blocks;
  cx.parallel('dequantize', [...args, blocks], units, Math.ceil((grain * block) / Math.min(block, length)));
};
