import type { Dot } from '../src';

/** The products that aren't what kernels of this kind take them for: of weights and activations that come to it. */
export function wrongProducts(kind: Dot, dotOf: (w: number, x: number) => number): [number, number][] {
  const wrong: [number, number][] = [];
  for (let w = -128; w < 128; w++) {
    for (let x = 0; x < (kind === 'seven' ? 128 : 256); x++) {
      const wide = kind === 'signed' && x > 127 ? x - 256 : x;
      // Weights with a pair of -128 are refused.
      const refused = kind === 'signed' && w === -128 && x === 128;
      if (!refused && dotOf(w, x) !== 4 * w * wide) wrong.push([w, x]);
    }
  }
  return wrong;
}
