import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeDelta } from '../scripts/delta.mjs';
import { applyDelta } from '../src/delta';

describe('the delta between binaries', () => {
  it('gives back any bytes from any others', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes, bytes, (base, target) => {
        expect(applyDelta(base, makeDelta(base, target))).toEqual(target);
      }),
    );
  });

  it('is small where pieces were changed, moved, dropped or repeated', () => {
    const piece = fc.record({
      from: fc.nat(4999),
      length: fc.integer({ min: 20, max: 500 }),
      noise: fc.uint8Array({ maxLength: 5 }),
    });
    const base = Uint8Array.from({ length: 5000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const target = Uint8Array.from(
          pieces.flatMap(({ from, length, noise }) => [...base.slice(from, from + length), ...noise]),
        );
        const delta = makeDelta(base, target);
        expect(applyDelta(base, delta)).toEqual(target);
        expect(delta.length).toBeLessThan(10 + 30 * pieces.length);
      }),
      { numRuns: 30 },
    );
  });
});
