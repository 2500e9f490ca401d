import { requireList, requireType, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { asOperand, contiguous, emptyLike, emptyOn, present, requireFloat, run } from '../../kernel';
import { formatShape, numel, sameShape } from '../../layout';
import type { Tensor } from '../../tensor';

/**
 * (x - mean) / sqrt(variance + eps) · weight + bias over the last dims, which are `normalizedShape`; the variance is
 * biased, weight and bias have the shape `normalizedShape`.
 * @throws ShapeError, DTypeError
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: readonly number[],
  weight?: Tensor,
  bias?: Tensor,
  eps = 1e-5,
): Tensor {
  requireFloat('layerNorm', x, ...present(weight, bias));
  requireList('layerNorm', 'normalizedShape', normalizedShape);
  requireType('layerNorm', 'eps', eps, 'number');
  const lead = x.shape.length - normalizedShape.length;
  if (normalizedShape.length === 0 || lead < 0 || !sameShape(x.shape.slice(lead), normalizedShape)) {
    throw new ShapeError({
      op: 'layerNorm',
      expected: `x [..., ${normalizedShape.join(', ')}]`,
      found: formatShape(x.shape),
      fix: 'normalizedShape are the last dimensions of x, at least one.',
    });
  }
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (!t || sameShape(t.shape, normalizedShape)) continue;
    throw new ShapeError({
      op: 'layerNorm',
      expected: `${name} ${formatShape(normalizedShape)}`,
      found: formatShape(t.shape),
      fix: `Make ${name} the normalized shape.`,
    });
  }
  const r = numel(x.shape.slice(0, lead));
  const rows = [r, numel(normalizedShape)];
  return op('layerNorm', { x, weight, bias }, (save) => {
    const xd = contiguous(x);
    const wd = weight && contiguous(weight);
    const y = emptyLike(xd);
    const mean = emptyOn(x, [r]);
    const invStd = emptyOn(x, [r]);
    run(
      'layerNorm',
      { x: asOperand(xd, rows), weight: wd, bias: bias && contiguous(bias) },
      { y: asOperand(y, rows), mean, invStd },
      { eps },
    );
    const savedX = save(xd);
    const saved = { mean: save(mean), invStd: save(invStd), weight: wd && save(wd) };
    return [
      y,
      (grad) => {
        const gradX = emptyLike(savedX);
        const gradWeight = emptyOn(savedX, normalizedShape);
        const gradBias = emptyOn(savedX, normalizedShape);
        run(
          'layerNormBackward',
          { x: asOperand(savedX, rows), gradY: asOperand(contiguous(grad), rows), ...saved },
          { gradX: asOperand(gradX, rows), gradWeight, gradBias },
          {},
        );
        return [gradX, gradWeight, gradBias];
      },
    ];
  });
}
