/** Padding of convolutions beside numbers of zeros: by name, and by the input itself. */
import { ArgumentError, requireOneOf } from '@octet/backend';
import { requireRank } from '../../kernel';
import type { Tensor } from '../../tensor';
import { pad } from '../shape/pad';
import { type PairLike, type SingleLike, type SpatialRank, sizePair } from './window';

/** `'valid'`: none. `'same'`: as much as makes the output as large as the input; of an odd number the larger half at the end. */
export type PaddingName = 'same' | 'valid';

/** What is put around the input: zeros, or as `pad` has it. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

const PADDING_MODES: readonly PaddingMode[] = ['zeros', 'reflect', 'replicate', 'circular'];

/** The padding of a convolution. */
export interface ConvPadding<Size> {
  padding?: Size | PaddingName;
  paddingMode?: PaddingMode;
}

interface Window {
  readonly stride?: PairLike | SingleLike;
  readonly dilation?: PairLike | SingleLike;
}

/**
 * The input with that of its padding which a kernel doesn't do, and the rest as numbers: a kernel pads zeros, as many before
 * as after. x is of rank + 2 dims.
 * @throws ShapeError, ArgumentError for names that aren't, and for 'same' with a stride
 */
export function padInput<O extends Window & ConvPadding<PairLike | SingleLike>>(
  op: string,
  rank: SpatialRank,
  x: Tensor,
  weight: Tensor,
  options: O,
): { x: Tensor; options: Omit<O, 'padding' | 'paddingMode'> & { padding?: PairLike | SingleLike } } {
  const { padding = 0, paddingMode = 'zeros', ...rest } = options;
  requireOneOf(op, 'paddingMode', paddingMode, PADDING_MODES);
  if (typeof padding !== 'string' && paddingMode === 'zeros') return { x, options: { ...rest, padding } };
  requireRank(op, 'x', x, rank + 2);
  requireRank(op, 'weight', weight, rank + 2);
  const amounts = paddingAmounts(op, rank, weight.shape.slice(2), { ...rest, padding });
  // Of zeros the kernel does what is the same on both sides.
  const own = amounts.map(([before]) => (paddingMode === 'zeros' ? before : 0));
  const around = amounts.flatMap(([before, after], d) => [before - own[d], after - own[d]]);
  const inPairs = [...amounts.keys()].reverse().flatMap((d) => around.slice(2 * d, 2 * d + 2));
  const padded = around.some((n) => n > 0)
    ? pad(x, inPairs, { mode: paddingMode === 'zeros' ? 'constant' : paddingMode })
    : x;
  return { x: padded, options: { ...rest, padding: own as unknown as PairLike | SingleLike } };
}

/** Before and after each of the dims. @throws ArgumentError */
function paddingAmounts(
  op: string,
  rank: SpatialRank,
  kernelSize: readonly number[],
  { padding, stride = 1, dilation = 1 }: Window & { padding: PairLike | SingleLike | PaddingName },
): [before: number, after: number][] {
  const sizes = (name: string, value: PairLike | SingleLike, min: 0 | 1) =>
    sizePair(op, name, value, min, rank).slice(-rank);
  if (typeof padding !== 'string') return sizes('padding', padding, 0).map((p) => [p, p]);
  requireOneOf(op, 'padding', padding, ['same', 'valid']);
  if (padding === 'valid') return kernelSize.map(() => [0, 0]);
  const strides = sizes('stride', stride, 1);
  requireSameStride(op, strides);
  const by = sizes('dilation', dilation, 1);
  return kernelSize.map((k, d) => {
    const total = by[d] * (k - 1);
    const before = Math.floor(total / 2);
    return [before, total - before];
  });
}

/** @throws ArgumentError for padding 'same' and another stride than 1 */
export function requireSameStride(op: string, stride: readonly number[]): void {
  if (stride.every((s) => s === 1)) return;
  throw new ArgumentError({
    op,
    expected: "stride 1 for padding 'same'",
    found: `stride [${stride.join(', ')}]`,
    fix: 'Give padding as numbers: with a stride no padding makes the output as large as the input.',
  });
}
