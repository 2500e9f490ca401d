import { expect, test } from 'vitest';
import { resize } from '../src';

const [height, width, channels] = [7, 5, 3];
const data = new Uint8Array(height * width * channels);
for (let i = 0; i < data.length; i++) {
  const c = i % channels;
  const column = Math.floor(i / channels) % width;
  const row = Math.floor(i / channels / width);
  data[i] = (row * 37 + column * 91 + c * 53) % 256;
}
const image = { data, width, height };

/** PyTorch 2.13: interpolate(image, size=…, mode='bilinear', antialias=True).round() */
test.each([
  [
    [1, 1],
    [118, 136, 134],
  ],
  [
    [3, 2],
    [99, 127, 136, 106, 134, 146, 129, 154, 131, 118, 132, 127, 129, 126, 137, 128, 141, 127],
  ],
] as const)('to %j, as PyTorch', (size, expected) => {
  expect([...resize({ size })(image).data]).toEqual(expected);
});

test('larger, as PyTorch', () => {
  const { data: pixels } = resize({ size: [10, 9] })(image);
  expect([...pixels.subarray(0, 12)]).toEqual([0, 53, 106, 30, 83, 136, 81, 134, 187, 131, 184, 124]);
  expect([...pixels.subarray(-5)]).toEqual([97, 150, 74, 127, 180]);
});

test('of the same size, unchanged', () => {
  expect([...resize({ size: [height, width] })(image).data]).toEqual([...data]);
});

test('refuses bad sizes and images', () => {
  expect(() => resize({ size: [0, 3] })).toThrow('whole numbers above 0');
  expect(() => resize({ size: [3] as never })).toThrow('[height, width]');
  expect(() => resize({ size: [2, 2] })({ data: new Uint8Array(7), width: 2, height: 2 })).toThrow('7 bytes');
});
