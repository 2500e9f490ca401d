import { expect, test } from 'vitest';
import { type MemoryRequest, placeInArena, shareBuffers } from '../src';

const together = (a: MemoryRequest, b: MemoryRequest) => a.first <= b.last && b.first <= a.last;

/** Requests of many sizes and lifetimes, the same at every run. */
function requests(seed: number): MemoryRequest[] {
  let state = seed;
  const next = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  return Array.from({ length: 1 + next(40) }, () => {
    const first = next(30);
    return { bytes: next(1000), first, last: first + next(6) };
  });
}

/** The most bytes that are needed at one time. */
function peak(all: readonly MemoryRequest[]): number {
  const at = (step: number) => all.filter((r) => r.first <= step && step <= r.last);
  return Math.max(...all.map(({ first }) => at(first).reduce((sum, { bytes }) => sum + bytes, 0)));
}

test('a chain of equal results needs two pieces', () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ bytes: 100, first: i, last: i + 1 }));
  expect(placeInArena(chain, 1)).toEqual({ offsets: chain.map((_, i) => (i % 2) * 100), bytes: 200 });
  expect(shareBuffers(chain)).toEqual({ buffers: chain.map((_, i) => i % 2), bytes: [100, 100] });
});

test('a small one goes into the smallest gap that takes it', () => {
  const all = [
    { bytes: 100, first: 0, last: 9 },
    { bytes: 90, first: 0, last: 1 },
    { bytes: 80, first: 0, last: 9 },
    { bytes: 70, first: 0, last: 1 },
    { bytes: 60, first: 0, last: 9 },
    { bytes: 50, first: 5, last: 6 },
  ];
  const { offsets, bytes } = placeInArena(all, 1);
  expect(offsets).toEqual([0, 100, 190, 270, 340, 270]);
  expect(bytes).toBe(400);
});

test('what is needed together never overlaps, and the arena is near the peak', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const all = requests(seed);
    const { offsets, bytes } = placeInArena(all, 64);
    const shared = shareBuffers(all.map((r, i) => ({ ...r, group: i % 2 })));
    for (const [i, a] of all.entries()) {
      expect(offsets[i] % 64).toBe(0);
      expect(offsets[i] + a.bytes).toBeLessThanOrEqual(bytes);
      expect(shared.bytes[shared.buffers[i]]).toBeGreaterThanOrEqual(a.bytes);
      for (const [j, b] of all.entries()) {
        if (j <= i || !together(a, b)) continue;
        expect(shared.buffers[i]).not.toBe(shared.buffers[j]);
        if (a.bytes === 0 || b.bytes === 0) continue;
        expect(offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i]).toBe(true);
      }
      for (let j = 0; j < all.length; j++)
        if (shared.buffers[i] === shared.buffers[j]) expect(i % 2).toBe(j % 2);
    }
    const aligned = all.map((r) => ({ ...r, bytes: Math.ceil(r.bytes / 64) * 64 }));
    expect(bytes).toBeLessThanOrEqual(1.5 * peak(aligned));
  }
});
