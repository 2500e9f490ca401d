import type { WasmBuffer } from '../buffers';
import type { WasmPrepackingKernel } from '../kernel';

/** Outputs of a panel and rows of a unit, as in assembly/qlinear.ts. */
const panel = 8;
const rows = 4;

interface Packed {
  weights: WasmBuffer;
  /** For each output, and as many more as fill the last panel: bias, int32; and multiplier, float32. */
  bias: WasmBuffer;
  multiplier: WasmBuffer;
}

/** x [m,k] uint8, weight [n,k] int8, bias [n]? int32 → y [m,n] uint8 */
export const qlinear: WasmPrepackingKernel<'qlinear', Packed> = {
  prepack(cx, { weight, bias }, { weightZeroPoint, multiplier }) {
    if (!weight) throw new TypeError('qlinear has a weight');
    const [n, k] = weight.shape;
    const panels = Math.ceil(n / panel);
    const packed = {
      weights: cx.allocate('int8', panels * panel * Math.ceil(k / 2) * 4),
      bias: cx.allocate('int32', panels * panel),
      multiplier: cx.allocate('float32', panels * panel),
    };
    const zeroStep = weightZeroPoint.length > 1 ? 4 : 0;
    const args = [cx.address(weight), cx.upload(weightZeroPoint), zeroStep, cx.address(packed.weights), n, k];
    cx.parallel('packWeights', args, panels);
    const biases = new Int32Array(panels * panel);
    if (bias) biases.set(cx.buffers.read(bias.buffer, n) as Int32Array);
    cx.buffers.write(packed.bias, biases);
    const multipliers = new Float32Array(panels * panel).fill(multiplier[0]);
    if (multiplier.length > 1) multipliers.set(multiplier);
    cx.buffers.write(packed.multiplier, multipliers);
    return packed;
  },

  run(cx, { x, y }, { xZeroPoint, yZeroPoint, clampMin, clampMax }, { weights, bias, multiplier }) {
    const [m, k] = x.shape;
    const n = y.shape[1];
    // Rows of x as int16, and room for the last store to run over.
    const scratchStep = rows * Math.ceil(k / 2) * 4 + 64;
    const scratch = cx.scratch(cx.threads * scratchStep);
    const args = [
      cx.address(x),
      cx.address(weights),
      cx.address(bias),
      cx.address(multiplier),
      cx.address(y),
    ];
    args.push(scratch, scratchStep, m, n, k, xZeroPoint, yZeroPoint, clampMin, clampMax);
    cx.parallel('qlinear', args, Math.ceil(m / rows), Math.ceil(500_000 / (rows * n * k)));
  },

  free(cx, { weights, bias, multiplier }) {
    for (const buffer of [weights, bias, multiplier]) cx.free(buffer);
  },
};
