import { type NdArray, size } from '@octet/backend-testkit/oracle';
import fc from 'fast-check';
import type { Tensor } from '../../src';
import { layouts } from './layouts';

const number = fc.integer({ min: -40, max: 40 }).map((n) => n / 8);

/** Numbers for a shape. */
export function arrayOf(shape: readonly number[]): fc.Arbitrary<NdArray> {
  return fc
    .array(number, { minLength: size(shape), maxLength: size(shape) })
    .map((data) => ({ shape, data }));
}

export function shape({ maxRank = 4, min = 1, max = 4 } = {}): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min, max }), { maxLength: maxRank });
}

/** A way to lie in memory. */
export const layout: fc.Arbitrary<(t: Tensor) => Tensor> = fc.constantFrom(...Object.values(layouts));

/** A shape, and one that broadcasts with it: dims turned to 1, leading ones left out. */
export const broadcastable: fc.Arbitrary<{ a: number[]; b: number[]; out: number[] }> = shape({
  min: 0,
}).chain((out) =>
  fc
    .record({
      ones: fc.array(fc.constantFrom('a', 'b', ''), { minLength: out.length, maxLength: out.length }),
      lead: fc.integer({ min: 0, max: out.length }),
      swap: fc.boolean(),
    })
    .map(({ ones, lead, swap }) => {
      // A dim may be 1 in one of the two only, and stays whole in the other.
      const a = out.map((d, i) => (ones[i] === 'a' && i >= lead ? 1 : d));
      const b = out.map((d, i) => (ones[i] === 'b' ? 1 : d)).slice(lead);
      return swap ? { a: b, b: a, out } : { a, b, out };
    }),
);
