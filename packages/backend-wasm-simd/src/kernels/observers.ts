import { observerBlock as block } from '../generated/constants';
import type { WasmKernel } from '../kernel';

/** Units worth a thread. */
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
  cx.parallel('rangeBlocks', { x: cx.address(x), partial, inner }, units, grainOf(inner));
  const args = {
    ...{ partial, minVal: cx.address(minVal), maxVal: cx.address(maxVal), outer, channels, blocks },
    ...{ averaging: averagingConstant !== null, constant: averagingConstant ?? 0 },
  };
  cx.parallel('moveRanges', args, channels, block);
};

export const fakeQuantize: WasmKernel<'fakeQuantize'> = (cx, t, { quantMin, quantMax }) => {
  const [, channels, inner] = t.x.shape;
  const args = {
    ...{ x: cx.address(t.x), scale: cx.address(t.scale), zeroPoint: cx.address(t.zeroPoint) },
    ...{ y: cx.address(t.y), mask: cx.address(t.mask), channels, inner },
    ...{ whole: t.zeroPoint.dtype === 'int32', quantMin, quantMax },
  };
  cx.parallel('fakeQuantize', args, unitsOf(t.x.shape).units, grainOf(inner));
};

export const learnableFakeQuantizeBackward: WasmKernel<'learnableFakeQuantizeBackward'> = (cx, t, attrs) => {
  const [outer, channels, inner] = t.x.shape;
  const { blocks, units } = unitsOf(t.x.shape);
  const partial = cx.scratch(units * 16);
  const args = {
    ...{ x: cx.address(t.x), scale: cx.address(t.scale), zeroPoint: cx.address(t.zeroPoint) },
    ...{ gradY: cx.address(t.gradY), gradX: cx.address(t.gradX), partial, channels, inner },
    ...{ quantMin: attrs.quantMin, quantMax: attrs.quantMax },
  };
  cx.parallel('learnableFakeQuantizeBackward', args, units, grainOf(inner));
  const sums = {
    ...{ partial, gradScale: cx.address(t.gradScale), gradZeroPoint: cx.address(t.gradZeroPoint) },
    ...{ outer, channels, blocks, gradFactor: attrs.gradFactor },
  };
  cx.parallel('sumLearnableGradients', sums, channels, block);
};
