import type { CalculateQparamsAttrs, ChooseQparamsAttrs } from '@octet/backend';
import { full, kernel, type Tensor, tidy } from '@octet/tensor/functional';

const { asOuterAxisInner, asOperand, empty, denseInAnyOrder, run } = kernel;

/** Scale [c] float32 and zero point [c] int32, on the backend. */
export interface QparamTensors {
  readonly scale: Tensor;
  readonly zeroPoint: Tensor;
}

/**
 * Brings running ranges up to date with `x`, in place: one range for the tensor (axis undefined), or one for each index
 * of `axis`. `averagingConstant` null: running minimum and maximum; else a moving average whose first batch copies.
 */
export function observeMinMax(
  x: Tensor,
  minVal: Tensor,
  maxVal: Tensor,
  { axis, averagingConstant }: { axis: number | undefined; averagingConstant: number | null },
): void {
  tidy(() => run('observeMinMax', { x: aroundChannels(x, axis) }, { minVal, maxVal }, { averagingConstant }));
}

/** The operand [outer, channels, inner] of a per-tensor (axis undefined: one channel) or per-channel kernel. */
export function aroundChannels(x: Tensor, axis: number | undefined): kernel.Operand {
  return axis === undefined
    ? asOperand(denseInAnyOrder(x), [1, 1, x.numel])
    : asOuterAxisInner(x, [axis]).operand;
}

/** PyTorch's observer formula (docs/numerics.md, "Observer qparams"). */
export function qparamsOfRange(minVal: Tensor, maxVal: Tensor, attrs: CalculateQparamsAttrs): QparamTensors {
  const out = emptyQparams(minVal);
  run('calculateQparams', { minVal, maxVal }, out, attrs);
  return out;
}

/**
 * The formula of PyTorch's fused observer, ATen's ChooseQuantizationParams (docs/numerics.md, "Fused observer qparams").
 * It writes into `last` and returns it, if that has a scale and a zero point for each range.
 */
export function fusedQparamsOfRange(
  minVal: Tensor,
  maxVal: Tensor,
  attrs: ChooseQparamsAttrs,
  last: QparamTensors,
): QparamTensors {
  const { scale, zeroPoint } = qparamsFor(minVal, last);
  run('chooseQparams', { minVal, maxVal }, { scale, zeroPoint }, attrs);
  return last.scale === scale ? last : { scale, zeroPoint };
}

/** Scale and zero point for the range minVal, to be written: `last`, or new ones where that is of other channels. */
export function qparamsFor(minVal: Tensor, last: QparamTensors): QparamTensors {
  const fits = last.scale.numel === minVal.numel && last.scale.backend === minVal.backend;
  return fits ? last : emptyQparams(minVal);
}

function emptyQparams({ backend, numel }: Tensor): QparamTensors {
  return {
    scale: empty(backend, [numel], { dtype: 'float32' }),
    zeroPoint: empty(backend, [numel], { dtype: 'int32' }),
  };
}

/** A range that no batch has touched: minimum +inf, maximum -inf. */
export function untouchedRange(shape: readonly number[], like?: Tensor): { minVal: Tensor; maxVal: Tensor } {
  const options = like ? { backend: like.backend } : {};
  return {
    minVal: full(shape, Number.POSITIVE_INFINITY, options),
    maxVal: full(shape, Number.NEGATIVE_INFINITY, options),
  };
}
