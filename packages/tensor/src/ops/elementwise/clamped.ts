/** Ops that clamp their output while it is at hand, rather than in a second pass over memory. */
import { ArgumentError, type Clamp, checkOptions, describe } from '@octet/backend';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { requireOrder } from './clamp';
import { hardtanh } from './hardtanh';
import { relu } from './relu';

export interface ClampOptions {
  /**
   * The result becomes min(max(y, min), max); the gradient passes where min < y < max. [0, Infinity] is a ReLU, [0, 6] a
   * ReLU6, and both have the numbers of the op and then the function.
   */
  clamp?: Clamp | undefined;
}

/** The bounds that options hold. @throws ArgumentError unless they are a pair of numbers in order, or absent */
export function clampOf(op: string, options: ClampOptions | undefined): Clamp | undefined {
  if (options === undefined) return undefined;
  const { clamp } = checkOptions(op, options, 'clamp');
  requireClamp(op, clamp);
  return clamp;
}

/** @throws ArgumentError unless it is a pair of numbers in order, or absent */
export function requireClamp(op: string, clamp: Clamp | undefined): void {
  if (clamp === undefined) return;
  if (!Array.isArray(clamp) || clamp.length !== 2) {
    throw new ArgumentError({
      op,
      expected: 'clamp to be [min, max]',
      found: describe(clamp),
      fix: 'A ReLU is [0, Infinity], a ReLU6 [0, 6].',
    });
  }
  requireOrder(op, clamp[0], clamp[1]);
}

/** What a number was added to or multiplied by, clamped by a kernel of its own. */
export function clampedBy(bounds: Clamp | undefined, make: () => Tensor): Tensor {
  if (!bounds) return make();
  const [min, max] = bounds;
  const isRelu = min === 0 && max === Number.POSITIVE_INFINITY;
  return tidy(() => (isRelu ? relu(make()) : hardtanh(make(), min, max)));
}
