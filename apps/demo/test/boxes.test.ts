import { expect, test } from 'vitest';
import { alike, boxesOf } from '../src/boxes';

/** A map of 20 × 10 with rectangles of a probability. */
function mapOf(...parts: readonly [x: number, y: number, width: number, height: number, p: number][]) {
  const map = new Float32Array(200);
  for (const [x, y, w, h, p] of parts)
    for (let j = y; j < y + h; j++) map.fill(p, j * 20 + x, j * 20 + x + w);
  return map;
}

test('what is connected and sure is a box, grown by 1.5 times area over perimeter', () => {
  const grow = (1.5 * 8 * 4) / 24;
  expect(boxesOf(mapOf([2, 3, 8, 4, 0.9]), 20, 10)).toEqual([
    { x: 2 - grow, y: 3 - grow, width: 8 + 2 * grow, height: 4 + 2 * grow },
  ]);
});

test('what is unsure or too small is none; what only touches at a corner is two', () => {
  expect(boxesOf(mapOf([2, 3, 8, 4, 0.5], [14, 2, 2, 6, 0.9]), 20, 10)).toEqual([]);
  expect(boxesOf(mapOf([0, 0, 5, 5, 0.8], [5, 5, 5, 5, 0.8]), 20, 10)).toHaveLength(2);
});

test('a row’s end and the next row’s begin do not touch', () => {
  expect(boxesOf(mapOf([16, 0, 4, 4, 0.8], [0, 1, 4, 4, 0.8]), 20, 10)).toHaveLength(2);
});

test('each box is alike with one other at most', () => {
  const box = { x: 0, y: 0, width: 10, height: 10 };
  expect(alike([box, box], [box])).toBe(1);
  expect(alike([box], [{ ...box, x: 3 }])).toBe(1);
  expect(alike([box], [{ ...box, x: 4 }])).toBe(0);
});
