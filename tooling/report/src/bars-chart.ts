import { escaped } from './html';
import { fluidSvg, short } from './svg';

export interface Bar {
  readonly value: number;
  /** What stands at its end. */
  readonly text: string;
  /** A CSS colour. */
  readonly color: string;
  /** What the value varies between: a line through the bar's end. */
  readonly range?: readonly [low: number, high: number];
}

/** Bars that belong together. */
export interface BarGroup {
  readonly name: string;
  /** More of the name, where there is room: pages hide `.detail` on phones. */
  readonly detail?: string;
  readonly bars: readonly Bar[];
}

export interface BarsChartOptions {
  /** What the chart shows, for screen readers. */
  label: string;
  /** The height of a bar, in pixels. */
  bar: number;
  /** Whether each group fills the width, rather than the longest bar of all. */
  ownScale?: boolean;
}

const letter = 7;
/** The least room for the number of the longest bar. */
const leastRight = 80;

/** Groups of bars, from the left, each with its number; as wide as its place. */
export function barsChart(
  groups: readonly BarGroup[],
  { label, bar, ownScale = false }: BarsChartOptions,
): string {
  const longest = Math.max(
    ...groups.map(({ name, detail }) => `${name}${detail ? ` ${detail}` : ''}`.length),
  );
  const most = (of: readonly BarGroup[]) =>
    Math.max(...of.flatMap(({ bars }) => bars.map(({ value, range }) => Math.max(value, range?.[1] ?? 0))));
  const all = most(groups);
  const between = bar * 0.6;
  const parts: string[] = [];
  let y = 4;
  for (const group of groups) {
    const full = ownScale ? most([group]) : all;
    const middle = short(y + (group.bars.length * bar) / 2);
    const detail = group.detail ? `<tspan class="detail"> ${escaped(group.detail)}</tspan>` : '';
    parts.push(
      `<text x="0" dx="-8" y="${middle}" dy=".35em" text-anchor="end">${escaped(group.name)}${detail}</text>`,
    );
    for (const { value, text, color, range } of group.bars) {
      const partOf = (n: number) => `${short((100 * n) / (full || 1))}%`;
      const part = partOf(value);
      const end = range ? partOf(Math.max(value, range[1])) : part;
      const centre = short(y + bar / 2);
      parts.push(
        `<rect y="${short(y + 1)}" width="${part}" height="${short(bar - 2)}" rx="2" fill="${color}"/>`,
        `<text x="${end}" dx="5" y="${centre}" dy=".35em">${escaped(text)}</text>`,
      );
      if (range)
        parts.push(
          `<line x1="${partOf(range[0])}" x2="${partOf(range[1])}" y1="${centre}" y2="${centre}" stroke="currentColor" stroke-width="2"/>`,
        );
      y += bar;
    }
    y += between;
  }
  const height = Math.ceil(y - between + 4);
  const left = `min(${longest * letter + 16}px, 50%)`;
  const longestText = Math.max(0, ...groups.flatMap(({ bars }) => bars.map(({ text }) => text.length)));
  const right = `${Math.max(leastRight, longestText * letter + 8)}px`;
  return fluidSvg({ height, left, right }, label, [
    `<g font-size="12" fill="currentColor">${parts.join('')}</g>`,
  ]);
}
