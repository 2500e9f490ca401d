import type { WasmKernel } from '../kernel';

/** Elements of a unit, as in assembly/observers.ts, and units worth a thread. */
const block = 8192;
const grain = 4;

/** x [o,c,i]: units of a part of one channel each. */
function unitsOf([outer, channels, inner]: readonly number[]): { blocks: number; units: number } {
  const blocks = Math.ceil(inner / block);
  return { blocks, units: outer * channels * blocks };
}

const grainOf = (inner: number) => Math.ceil((grain * block) / Math.min(block, inner + 1));

export const observeMinMax: WasmKernel<'observeMinMax'> = (
  cx,
  { x, minVal, maxVal },
  { averagingConstant },
) => {
  const [outer, channels, inner] = x.shape;
  const { blocks, units } = unitsOf(x.shape);
  if (units === 0) return;
  const partial = cx.scratch(units * 8);
  cx.parallel('rangeBlocks', [cx.address(x), partial, inner], units, grainOf(inner));
  const args = [partial, cx.address(minVal), cx.address(maxVal), outer, channels, blocks];
  args.push(averagingConstant === null ? 0 : 1, averagingConstant ?? 0);
  cx.parallel('moveRanges', args, channels, block);
};

export const fakeQuantize: WasmKernel<'fakeQuantize'> = (cx, t, { quantMin, quantMax }) => {
  const [, channels, inner] = t.x.shape;
  const args = [cx.address(t.x), cx.address(t.scale), cx.address(t.zeroPoint), cx.address(t.y)];
  args.push(cx.address(t.mask), channels, inner, t.zeroPoint.dtype === 'int32' ? 1 : 0, quantMin, quantMax);
  cx.parallel('fakeQuantize', args, unitsOf(t.x.shape).units, grainOf(inner));
};

export const learnableFakeQuantizeBackward: WasmKernel<'learnableFakeQuantizeBackward'> = (cx, t, attrs) => {
  const [outer, channels, inner] = t.x.shape;
  const { blocks, units } = unitsOf(t.x.shape);
  const partial = cx.scratch(units * 16);
  const args = [cx.address(t.x), cx.address(t.scale), cx.address(t.zeroPoint), cx.address(t.gradY)];
  args.push(cx.address(t.gradX), partial, channels, inner, attrs.quantMin, attrs.quantMax);
  cx.parallel('learnableFakeQuantizeBackward', args, units, grainOf(inner));
  const sums = [partial, cx.address(t.gradScale), cx.address(t.gradZeroPoint), outer, channels, blocks];
  cx.parallel('sumLearnableGradients', [...sums, attrs.gradFactor], channels, block);
};
