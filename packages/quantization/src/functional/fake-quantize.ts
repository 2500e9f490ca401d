import { checkOptions, type FusedFakeQuantizeAttrs, QuantizationError, ShapeError } from '@octet/backend';
import { checkScale, clone, kernel, op, type Tensor } from '@octet/tensor/functional';
import { aroundChannels, type QparamTensors } from './observe';

const { asOperand, emptyLike, emptyOn, requireFloat, run, withStrides } = kernel;

export interface FakeQuantizeOptions {
  quantMin: number;
  quantMax: number;
  /** The channel dim of a per-channel scale; undefined: one scale for the tensor. */
  axis?: number | undefined;
}

/**
 * Quantize and dequantize at once, in float: y = (clamp(q, quantMin, quantMax) - zeroPoint) * scale with
 * q = rint(x * f32(1 / scale)) + zeroPoint. The gradient passes straight through where q is inside the range.
 *
 * x any shape; scale [1] or [channels] float32, zeroPoint alike, int32.
 * @throws ShapeError if their length is wrong
 * @throws QuantizationError for a scale that can't be one or a zero point outside the range, where the backend can be read
 * at once
 */
export function fakeQuantize(
  x: Tensor,
  scale: Tensor,
  zeroPoint: Tensor,
  options: FakeQuantizeOptions,
): Tensor {
  checkOptions('fakeQuantize', options, 'quantMin quantMax axis');
  checkQparams('fakeQuantize', scale, zeroPoint, options);
  return simulate(x, scale, zeroPoint, options);
}

/** `fakeQuantize` with a scale and zero point that an observer computed. */
export function simulate(x: Tensor, scale: Tensor, zeroPoint: Tensor, options: FakeQuantizeOptions): Tensor {
  requireFloat('fakeQuantize', x);
  return op('fakeQuantize', { x }, (save) => {
    const { y, mask } = quantizeAndBack(x, scale, zeroPoint, options);
    const saved = save(mask);
    return [y, (grad) => [passedBy(saved, grad)]];
  });
}

/** A range, and the scale and zero point of its integers. */
export interface FusedState extends QparamTensors {
  readonly minVal: Tensor;
  readonly maxVal: Tensor;
}

/** What folding a batch normalisation multiplies a weight by, of each output channel: s = weight / sqrt(variance + eps). */
export interface FoldingFactor {
  readonly weight: Tensor;
  readonly variance: Tensor;
  readonly eps: number;
}

/**
 * PyTorch's fused_moving_avg_obs_fake_quant: moves the range of `state` towards that of x, works out its scale and zero point
 * (docs/numerics.md, "Fused observer qparams"), and returns `fakeQuantize` of x by them. The four tensors change in place;
 * `averagingConstant` null: they stay. With `factor`, of axis 0, it does so with x · s, and returns that over s; where
 * |s| < 2^-30 it returns x itself, which has no gradient there.
 */
export function simulateObserved(
  x: Tensor,
  { minVal, maxVal, scale, zeroPoint }: FusedState,
  { axis, ...options }: Omit<FusedFakeQuantizeAttrs, 'eps'> & { axis: number | undefined },
  factor?: FoldingFactor,
): Tensor {
  const weight = factor?.weight;
  requireFloat('fakeQuantize', ...(weight ? [x, weight] : [x]));
  requireChannels(x, scale, axis);
  return op('fakeQuantize', { x, weight }, (save) => {
    const xo = aroundChannels(x, weight ? 0 : axis);
    const { shape } = xo;
    const y = emptyLike(xo.tensor);
    const mask = emptyLike(xo.tensor, 'bool');
    const outputs = {
      y: asOperand(y, shape),
      mask: asOperand(mask, shape),
      minVal,
      maxVal,
      scale,
      zeroPoint,
    };
    const s = factor && emptyOn(factor.weight, factor.weight.shape);
    const folding = factor && s ? { weight: factor.weight, variance: factor.variance } : {};
    const attrs = { ...options, eps: factor?.eps ?? 0 };
    run('fusedMovingAvgObsFakeQuant', { x: xo, ...folding }, s ? { ...outputs, factor: s } : outputs, attrs);
    const savedMask = save(mask);
    if (!factor || !s) return [y, (grad) => [passedBy(savedMask, grad)]];
    const saved = { x: save(xo.tensor), y: save(y), weight: save(factor.weight), factor: save(s) };
    return [
      y,
      (grad) => {
        const gradX = emptyLike(savedMask, grad.dtype);
        const gradWeight = emptyOn(saved.weight, saved.weight.shape);
        run(
          'fusedMovingAvgObsFakeQuantBackward',
          {
            ...{
              x: asOperand(saved.x, shape),
              y: asOperand(saved.y, shape),
              mask: asOperand(savedMask, shape),
            },
            ...{ weight: saved.weight, factor: saved.factor },
            gradY: asOperand(withStrides(grad, savedMask.strides), shape),
          },
          { gradX: asOperand(gradX, shape), gradWeight },
          {},
        );
        return [gradX, gradWeight];
      },
    ];
  });
}

/** The gradient where the mask is true, 0 elsewhere. */
function passedBy(mask: Tensor, grad: Tensor): Tensor {
  const gradX = emptyLike(mask, grad.dtype);
  run('applyMask', { x: withStrides(grad, mask.strides), mask }, { y: gradX }, { scale: 1 });
  return gradX;
}

/**
 * Fake quantization with a learned scale and zero point (LSQ, https://arxiv.org/abs/1902.08153, and LSQ+), as PyTorch's
 * _fake_quantize_learnable_per_tensor_affine: the zero point is float32 and rounded; the gradients of scale and zero point
 * are multiplied by `gradFactor`.
 * @throws ShapeError, QuantizationError as `fakeQuantize`; zero points outside the range are clamped to it
 */
export function learnableFakeQuantize(
  x: Tensor,
  scale: Tensor,
  zeroPoint: Tensor,
  options: FakeQuantizeOptions & { gradFactor?: number },
): Tensor {
  checkOptions('learnableFakeQuantize', options, 'quantMin quantMax axis gradFactor');
  checkQparams('learnableFakeQuantize', scale, undefined, options);
  return simulateLearned(x, scale, zeroPoint, options);
}

/** `learnableFakeQuantize` with a scale that is known to be one. */
export function simulateLearned(
  x: Tensor,
  scale: Tensor,
  zeroPoint: Tensor,
  { gradFactor = 1, ...options }: FakeQuantizeOptions & { gradFactor?: number },
): Tensor {
  requireFloat('learnableFakeQuantize', x, scale, zeroPoint);
  return op('learnableFakeQuantize', { x, scale, zeroPoint }, (save) => {
    const { xo, y } = quantizeAndBack(x, scale, zeroPoint, options);
    const savedX = save(xo.tensor);
    // The optimizer changes scale and zero point in place: backward needs those of this forward.
    const saved = { scale: save(clone(scale)), zeroPoint: save(clone(zeroPoint)) };
    return [
      y,
      (grad) => {
        const gradX = emptyLike(savedX);
        const gradScale = emptyOn(savedX, saved.scale.shape);
        const gradZeroPoint = emptyOn(savedX, saved.zeroPoint.shape);
        run(
          'learnableFakeQuantizeBackward',
          {
            x: asOperand(savedX, xo.shape),
            ...saved,
            gradY: asOperand(withStrides(grad, savedX.strides), xo.shape),
          },
          { gradX: asOperand(gradX, xo.shape), gradScale, gradZeroPoint },
          { quantMin: options.quantMin, quantMax: options.quantMax, gradFactor },
        );
        return [gradX, gradScale, gradZeroPoint];
      },
    ];
  });
}

function checkQparams(
  op: string,
  scale: Tensor,
  zeroPoint: Tensor | undefined,
  { quantMin, quantMax }: FakeQuantizeOptions,
): void {
  kernel.requireTensor(op, scale);
  if (!scale.backend.readSync) return;
  for (const s of scale.dataSync()) checkScale(op, s);
  const outside = zeroPoint?.dataSync().find((z) => !(z >= quantMin && z <= quantMax));
  if (outside === undefined) return;
  throw new QuantizationError({
    op,
    expected: `zero points from ${quantMin} to ${quantMax}`,
    found: String(outside),
    fix: 'Use the zero point that the observer of this range computed.',
  });
}

function quantizeAndBack(
  x: Tensor,
  scale: Tensor,
  zeroPoint: Tensor,
  { quantMin, quantMax, axis }: FakeQuantizeOptions,
): { xo: kernel.Operand; y: Tensor; mask: Tensor } {
  requireChannels(x, scale, axis);
  const xo = aroundChannels(x, axis);
  const y = emptyLike(xo.tensor);
  const mask = emptyLike(xo.tensor, 'bool');
  run(
    'fakeQuantize',
    { x: xo, scale, zeroPoint },
    { y: asOperand(y, xo.shape), mask: asOperand(mask, xo.shape) },
    { quantMin, quantMax },
  );
  return { xo, y, mask };
}

function requireChannels(x: Tensor, scale: Tensor, axis: number | undefined): void {
  const channels = axis === undefined ? 1 : x.shape[axis];
  if (scale.numel === channels) return;
  throw new ShapeError({
    op: 'fakeQuantize',
    expected: `${channels} scale${channels === 1 ? '' : 's'} ${axis === undefined ? 'for the tensor' : `for axis ${axis}`}`,
    found: String(scale.numel),
    fix: 'Use the scales that an observer of the same axis computed for a tensor of this shape.',
  });
}
