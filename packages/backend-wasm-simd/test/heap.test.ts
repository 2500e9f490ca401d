import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignment, type Block, Heap } from '../src/heap';

/** Throws unless the blocks tile the space without gaps, no two free ones side by side, and `used` is right. */
function check(heap: Heap, start: number, end: number, held: readonly Block[]): void {
  let at = Math.ceil(start / alignment) * alignment;
  let used = 0;
  let beforeWasFree = false;
  const inUse = new Set<Block>();
  for (const block of heap.blocks()) {
    expect(block.start).toBe(at);
    expect(block.size).toBeGreaterThan(0);
    expect(block.size % alignment).toBe(0);
    expect(block.free && beforeWasFree).toBe(false);
    if (!block.free) {
      used += block.size;
      inUse.add(block);
    }
    beforeWasFree = block.free;
    at += block.size;
  }
  expect(at).toBeLessThanOrEqual(end);
  expect(end - at).toBeLessThan(alignment);
  expect(heap.used).toBe(used);
  expect(inUse).toEqual(new Set(held));
}

const size = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 20_000 }),
  fc.integer({ min: 0, max: 500_000 }),
);
const step = fc.oneof(
  { weight: 5, arbitrary: size.map((bytes) => ({ do: 'allocate' as const, bytes })) },
  { weight: 4, arbitrary: fc.nat().map((which) => ({ do: 'free' as const, which })) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 300_000 }).map((bytes) => ({ do: 'extend' as const, bytes })),
  },
);

describe('the heap', () => {
  it('never overlaps, loses or leaves apart what it hands out', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.array(step, { maxLength: 200 }),
        (start, room, steps) => {
          let end = start + alignment + room;
          const heap = new Heap(start, end);
          const held: Block[] = [];
          for (const s of steps) {
            if (s.do === 'allocate') {
              const block = heap.allocate(s.bytes);
              if (block) {
                expect(block.size).toBeGreaterThanOrEqual(s.bytes);
                expect(block.size - s.bytes).toBeLessThanOrEqual(alignment);
                held.push(block);
              } else {
                for (const { free, size } of heap.blocks())
                  expect(free && size >= s.bytes && size > 0).toBe(false);
              }
            } else if (s.do === 'extend') {
              end += s.bytes;
              heap.extend(end);
            } else if (held.length > 0) {
              heap.free(held.splice(s.which % held.length, 1)[0]);
            }
            check(heap, start, end, held);
          }
          for (const block of held.splice(0)) heap.free(block);
          check(heap, start, end, []);
          expect([...heap.blocks()].length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('reuses the block that was freed, and splits the smallest that fits', () => {
    const heap = new Heap(0, 100_000);
    const [a, , c] = [1000, 64, 5000, 64].map((bytes) => heap.allocate(bytes) as Block);
    heap.free(a);
    heap.free(c);
    expect(heap.allocate(4900)?.start).toBe(c.start);
    expect(heap.allocate(900)?.start).toBe(a.start);
  });

  it('works above 2 GiB', () => {
    const heap = new Heap(1024, 2 ** 32 - 64);
    const a = heap.allocate(3 * 2 ** 30) as Block;
    const b = heap.allocate(2 ** 29) as Block;
    expect(b.start).toBe(a.start + a.size);
    expect(heap.allocate(2 ** 30)).toBeUndefined();
    heap.free(a);
    expect(heap.allocate(2 ** 31)?.start).toBe(1024);
  });

  it('stays fast with very many blocks', () => {
    const heap = new Heap(0, 2 ** 30);
    const blocks = Array.from({ length: 100_000 }, (_, i) => heap.allocate(64 + (i % 97) * 64) as Block);
    for (let i = 0; i < blocks.length; i += 2) heap.free(blocks[i]);
    const start = performance.now();
    for (let i = 0; i < 100_000; i++) heap.free(heap.allocate(64 + (i % 89) * 64) as Block);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
