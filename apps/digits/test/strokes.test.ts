import { expect, test } from 'vitest';
import { rasterize, type Stroke } from '../src/pad/strokes';
import { hand } from './hand';

function measure(image: Uint8Array) {
  let [sum, x, y] = [0, 0, 0];
  const [columns, rows] = [new Set<number>(), new Set<number>()];
  image.forEach((ink, i) => {
    const [column, row] = [i % 28, Math.floor(i / 28)];
    sum += ink;
    x += ink * column;
    y += ink * row;
    if (ink > 127) {
      columns.add(column);
      rows.add(row);
    }
  });
  return { ink: sum / 255, x: x / sum, y: y / sum, width: columns.size, height: rows.size };
}

test.each(hand.map((strokes, digit) => ({ digit, strokes })))(
  'a $digit fits into 20 × 20 pixels around its centre of mass',
  ({ strokes }) => {
    const { ink, x, y, width, height } = measure(rasterize(strokes));
    expect(Math.abs(x - 13.5)).toBeLessThan(0.3);
    expect(Math.abs(y - 13.5)).toBeLessThan(0.3);
    expect(Math.max(width, height)).toBeGreaterThanOrEqual(18);
    expect(Math.max(width, height)).toBeLessThanOrEqual(21);
    // MNIST's have about a hundred.
    expect(ink).toBeGreaterThan(40);
    expect(ink).toBeLessThan(170);
  },
);

test('place and size on the pad change nothing', () => {
  const elsewhere = hand[3].map((stroke): Stroke => stroke.map(({ x, y }) => ({ x: x / 2, y: y / 2 + 0.4 })));
  const [a, b] = [rasterize(hand[3]), rasterize(elsewhere)];
  expect(Math.max(...a.map((ink, i) => Math.abs(ink - b[i])))).toBeLessThanOrEqual(1);
});

test('a dot is a dot, in the middle', () => {
  const { ink, x, y, width, height } = measure(rasterize([[{ x: 0.9, y: 0.1 }]]));
  expect(ink).toBeLessThan(12);
  expect([x, y]).toEqual([expect.closeTo(13.5), expect.closeTo(13.5)]);
  expect(width).toBe(height);
});
