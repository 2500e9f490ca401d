import { ArgumentError, checkOptions, requireArray, ShapeError } from '@octet/backend';
import { div, formatShape, fromData, sub, type Tensor } from '@octet/tensor';

/**
 * (x - mean) / std for each channel of x [..., C, H, W].
 * @throws ArgumentError unless mean and std have one length and no std is 0
 * @throws ShapeError (when applied) if x has another number of channels
 */
export function normalize(options: {
  mean: readonly number[];
  std: readonly number[];
}): (x: Tensor) => Tensor {
  const { mean, std } = checkOptions('normalize', options, 'mean std');
  requireArray('normalize', mean, 'means');
  requireArray('normalize', std, 'standard deviations');
  if (mean.length !== std.length || mean.length === 0 || std.includes(0)) {
    throw new ArgumentError({
      op: 'normalize',
      expected: 'a mean and a std other than 0 for each channel',
      found: `mean ${formatShape(mean)}, std ${formatShape(std)}`,
      fix: 'Pass one number of each per channel.',
    });
  }
  const channels = mean.length;
  return (x) => {
    if (x.dim < 3 || x.size(-3) !== channels) {
      throw new ShapeError({
        op: 'normalize',
        expected: `an image [${channels}, H, W], or a batch of them`,
        found: formatShape(x.shape),
        fix: `The mean has ${channels} channels.`,
      });
    }
    const each = (values: readonly number[]) =>
      fromData(values, [channels, 1, 1], { dtype: x.storage.dtype, backend: x.backend });
    return div(sub(x, each(mean)), each(std));
  };
}
