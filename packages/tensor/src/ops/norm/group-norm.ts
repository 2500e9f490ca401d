import { ArgumentError, requireType, ShapeError } from '@octet/backend';
import { present, requireFloat } from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { mul } from '../elementwise/mul';
import { reshape } from '../shape/reshape';
import { layerNorm } from './layer-norm';

/**
 * (x - mean) / sqrt(variance + eps) · weight + bias of x [N, C, …]: mean and (biased) variance are those of each sample and each of
 * `numGroups` groups of neighbouring channels; weight and bias are [C].
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function groupNorm(x: Tensor, numGroups: number, weight?: Tensor, bias?: Tensor, eps = 1e-5): Tensor {
  const op = 'groupNorm';
  requireFloat(op, x, ...present(weight, bias));
  requireType(op, 'eps', eps, 'number');
  if (x.dim < 2) {
    throw new ShapeError({
      op,
      expected: 'x [N, C, …]',
      found: formatShape(x.shape),
      fix: 'Channels are dimension 1: unsqueeze(0) adds a batch dimension.',
    });
  }
  const [batch, channels] = x.shape;
  if (!(Number.isInteger(numGroups) && numGroups > 0 && channels % numGroups === 0)) {
    throw new ArgumentError({
      op,
      expected: `numGroups to divide the ${channels} channels`,
      found: String(numGroups),
      fix: 'Each group has the same number of channels.',
    });
  }
  requireChannels(op, channels, { weight, bias });
  return tidy(() => {
    const rows = batch * numGroups;
    const size = rows === 0 ? 0 : x.numel / rows;
    const normal = reshape(layerNorm(reshape(x, [rows, size]), [size], undefined, undefined, eps), x.shape);
    return ofChannels(normal, weight, bias);
  });
}

/** @throws ShapeError unless each that there is has one number for each channel */
export function requireChannels(
  op: string,
  channels: number,
  params: Readonly<Record<string, Tensor | undefined>>,
): void {
  for (const [name, t] of Object.entries(params)) {
    if (!t || sameShape(t.shape, [channels])) continue;
    throw new ShapeError({
      op,
      expected: `${name} [${channels}], one for each channel of x`,
      found: formatShape(t.shape),
      fix: 'Channels are dimension 1: check the number of features of the layer.',
    });
  }
}

/** x · weight + bias for each channel of x [N, C, …]. */
export function ofChannels(x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const channels = [x.shape[1], ...new Array<number>(x.dim - 2).fill(1)];
  const scaled = weight ? mul(x, reshape(weight, channels)) : x;
  return bias ? add(scaled, reshape(bias, channels)) : scaled;
}
