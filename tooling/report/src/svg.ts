/** What the charts are made of. Colours are the page's CSS variables, so that charts follow its theme. */
import { escaped } from './html';

export const fontSize = 11;

type Pair = readonly [number, number];

/** The line through (from[0], to[0]) and (from[1], to[1]). */
export function scale(from: Pair, to: Pair): (value: number) => number {
  const factor = (to[1] - to[0]) / (from[1] - from[0] || 1);
  return (value) => to[0] + (value - from[0]) * factor;
}

/** About `count` round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((n) => n * power >= rough) ?? 10) * power;
  const [from, to] = [Math.ceil(low / step), Math.floor(high / step)];
  return Array.from({ length: to - from + 1 }, (_, i) => Number(((from + i) * step).toPrecision(6)));
}

/** A coordinate, to a tenth of a pixel. */
export const short = (value: number) => Number(value.toFixed(1));

/** A label; `x` in pixels, or as a percentage of the drawing's width. */
export function text(x: number | string, y: number, anchor: string, content: string): string {
  const at = typeof x === 'number' ? short(x) : x;
  return `<text x="${at}" y="${short(y)}" text-anchor="${anchor}" font-size="${fontSize}" fill="var(--muted)">${escaped(content)}</text>`;
}

/** A drawing of a fixed form, which grows and shrinks with its place. */
export function svg(width: number, height: number, label: string, parts: readonly string[]): string {
  return `<svg role="img" aria-label="${escaped(label)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join('')}</svg>`;
}

/**
 * A drawing as wide as its place, in which letters keep their size: what grows has percentages for coordinates, from 0 % after `left` to
 * 100 % before `right`, which are CSS lengths. Beside these there is room for labels; more of them is cut off.
 */
export function fluidSvg(
  { height, left, right }: { height: number; left: string; right: string },
  label: string,
  parts: readonly string[],
): string {
  const style = `display:block;overflow:visible;margin-left:${left};width:calc(100% - ${left} - ${right})`;
  return `<div class="chart" style="overflow:hidden"><svg role="img" aria-label="${escaped(label)}" height="${height}" style="${style}">${parts.join('')}</svg></div>`;
}
