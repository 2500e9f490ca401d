import { observerBlock as block } from '../generated/constants';
import { type KernelContext, size, type WasmKernel, type WasmTensor } from '../kernel';

/** Units worth a thread. */
const grain = 4;

/** x [o,c,i]: units of a part of one channel each. */
function unitsOf([outer, channels, inner]: readonly number[]): { blocks: number; units: number } {
  const blocks = Math.ceil(inner / block);
  return { blocks, units: outer * channels * blocks };
}

const grainOf = (inner: number) => Math.ceil((grain * block) / Math.min(block, inner + 1));

export const observeMinMax: WasmKernel<'observeMinMax'> = (cx, t, attrs) =>
  observe(cx, t, t.x.shape, attrs.averagingConstant);

/** The dense x is seen as `shape`. */
function observe(
  cx: KernelContext,
  { x, minVal, maxVal }: { readonly [N in 'x' | 'minVal' | 'maxVal']: WasmTensor },
  shape: readonly number[],
  averagingConstant: number | null,
): void {
  const [outer, channels, inner] = shape;
  const { blocks, units } = unitsOf(shape);
  if (units === 0) return;
  const partial = cx.scratch(units * 8);
  cx.parallel('rangeBlocks', { x: cx.address(x), partial, inner }, units, grainOf(inner));
  const args = {
    ...{ partial, minVal: cx.address(minVal), maxVal: cx.address(maxVal), outer, channels, blocks },
    ...{ averaging: averagingConstant !== null, constant: averagingConstant ?? 0 },
  };
  cx.parallel('moveRanges', args, channels, block);
}

export const chooseQparams: WasmKernel<'chooseQparams'> = (cx, t, { quantMin, quantMax, symmetric }) => {
  const args = {
    ...{ minVal: cx.address(t.minVal), maxVal: cx.address(t.maxVal), scale: cx.address(t.scale) },
    ...{ zeroPoint: cx.address(t.zeroPoint), quantMin, quantMax, symmetric },
  };
  cx.parallel('chooseQparams', args, size(t.minVal), block);
};

export const fakeQuantize: WasmKernel<'fakeQuantize'> = (cx, t, attrs) => simulate(cx, t, t.x.shape, attrs);

/** The dense x, which y may be, is seen as `shape`. */
function simulate(
  cx: KernelContext,
  t: { readonly [N in 'x' | 'scale' | 'zeroPoint' | 'y' | 'mask']: WasmTensor },
  shape: readonly number[],
  { quantMin, quantMax }: { readonly quantMin: number; readonly quantMax: number },
): void {
  const [, channels, inner] = shape;
  const args = {
    ...{ x: cx.address(t.x), scale: cx.address(t.scale), zeroPoint: cx.address(t.zeroPoint) },
    ...{ y: cx.address(t.y), mask: cx.address(t.mask), channels, inner },
    ...{ whole: t.zeroPoint.dtype === 'int32', quantMin, quantMax },
  };
  cx.parallel('fakeQuantize', args, unitsOf(shape).units, grainOf(inner));
}

export const fusedMovingAvgObsFakeQuant: WasmKernel<'fusedMovingAvgObsFakeQuant'> = (cx, t, attrs) => {
  const { weight, variance, y } = t;
  const [outer, channels, inner] = t.x.shape;
  const shape = size(t.scale) === 1 ? [1, 1, size(t.x)] : t.x.shape;
  // What is watched and rounded; with a factor it stands in y, and is rounded there.
  const x = weight ? y : t.x;
  const factor = cx.addressIfAny(t.factor);
  const rows = { x: cx.address(t.x), y: cx.address(y), factor, channels, inner };
  const grain = grainOf(inner);
  if (weight && variance) {
    const fold = { weight: cx.address(weight), variance: cx.address(variance), factor, eps: attrs.eps };
    cx.parallel('foldingFactors', fold, channels, block);
  }
  if (size(t.x) === 0) return;
  if (weight) cx.parallel('scaleChannels', rows, outer * channels, grain);
  if (attrs.averagingConstant !== null) {
    observe(cx, { ...t, x }, shape, attrs.averagingConstant);
    chooseQparams(cx, t, attrs);
  }
  simulate(cx, { ...t, x }, shape, attrs);
  if (weight) cx.parallel('unscaleChannels', { ...rows, mask: cx.address(t.mask) }, outer * channels, grain);
};

export const fusedMovingAvgObsFakeQuantBackward: WasmKernel<'fusedMovingAvgObsFakeQuantBackward'> = (
  cx,
  t,
) => {
  const [outer, channels, inner] = t.x.shape;
  const args = {
    ...{ x: cx.address(t.x), y: cx.address(t.y), mask: cx.address(t.mask), weight: cx.address(t.weight) },
    ...{ factor: cx.address(t.factor), gradY: cx.address(t.gradY), gradX: cx.address(t.gradX) },
    ...{ gradWeight: cx.address(t.gradWeight), outer, channels, inner },
  };
  cx.parallel('scaledFakeQuantizeBackward', args, channels, grainOf(outer * inner));
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
