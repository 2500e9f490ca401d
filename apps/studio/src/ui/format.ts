export const count = (value: number) => value.toLocaleString('en');

export const inputsText = (n: number) => `${n} ${n === 1 ? 'input' : 'inputs'}`;

export function bytes(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} MB`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} kB` : `${value} B`;
}

export function big(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} billion`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} million` : count(value);
}

/** Clocks of pages tell a tenth of a millisecond, and less where they are alone with their data. */
const LEAST_MS = 0.1;

export const milliseconds = (value: number) =>
  value < LEAST_MS ? `< ${LEAST_MS} ms` : `${value.toFixed(2)} ms`;

/** How many times as fast; nothing where a time is too short to tell. */
export const timesAsFast = (float: number, int8: number) =>
  Math.min(float, int8) < LEAST_MS ? '' : ` (${(float / int8).toFixed(2)} ×)`;

export const decibels = (value: number | null) => (value === null ? 'exact' : `${value.toFixed(1)} dB`);

export const shapeText = (shape: readonly (number | string)[] | undefined) =>
  shape ? `[${shape.join(', ')}]` : 'of any shape';

/** Signal to noise in dB; null where there is no noise. */
export function sqnr(float: ArrayLike<number>, int8: ArrayLike<number>): number | null {
  let [signal, noise] = [0, 0];
  for (let i = 0; i < float.length; i++) {
    signal += float[i] ** 2;
    noise += (float[i] - int8[i]) ** 2;
  }
  return noise === 0 ? null : 10 * Math.log10(signal / noise);
}
