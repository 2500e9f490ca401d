import type { Digit } from '@octet/vision';
import pc from 'picocolors';

// Every digit of MNIST lies in the middle 20 x 20 pixels, give or take one.
const from = 3;
const to = 25;
const width = to - from;
const gap = 3;
const ink = 0.4;

/** How many digits fit side by side. */
export function digitsPerLine(columns: number): number {
  return Math.max(1, Math.floor((columns + gap) / (width + gap)));
}

/** Digits side by side, two pixels a character, each with what the network takes it for. */
export async function drawDigits(digits: readonly Digit[], predictions: readonly number[]): Promise<string> {
  const drawn = await Promise.all(digits.map(async ({ image }) => draw(await image.data())));
  const captions = digits.map(({ label }, i) => caption(label, predictions[i]));
  const lines = drawn[0].map((_, row) =>
    drawn
      .map((digit) => digit[row])
      .join(' '.repeat(gap))
      .trimEnd(),
  );
  return [...lines, '', captions.join(' '.repeat(gap)).trimEnd()].join('\n');
}

function draw(pixels: ArrayLike<number>): string[] {
  const isInk = (row: number, column: number) => pixels[row * 28 + column] > ink;
  return Array.from({ length: width / 2 }, (_, line) => {
    const row = from + 2 * line;
    return Array.from({ length: width }, (_, i) => {
      const upper = isInk(row, from + i);
      const lower = isInk(row + 1, from + i);
      return upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ';
    }).join('');
  });
}

function caption(label: number, prediction: number): string {
  const right = label === prediction;
  const text = right ? `int8 says ${prediction}` : `int8 says ${prediction}, not ${label}`;
  return (right ? pc.green(text) : pc.red(text)) + ' '.repeat(width - text.length);
}
