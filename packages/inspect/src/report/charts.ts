/** Charts as SVG text, by Apache ECharts. Colours are the page's CSS variables, so that they follow its theme. */
import type { Histogram } from '../statistics';

export interface Mark {
  readonly from: number;
  readonly to: number;
}

export interface Line {
  readonly name: string;
  /** A CSS colour. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

export interface Charts {
  /** How often which numbers occur, with the range of the integers behind them. */
  histogram(histogram: Histogram, range: Mark | undefined, label: string): string;
  /** A line over the layers for each figure; `null` leaves a gap. */
  lines(names: readonly string[], lines: readonly Line[], unit: string): string;
}

const text = 'var(--muted)';
const font = 'inherit';

/** Loads ECharts, which only a report needs. */
export async function loadCharts(): Promise<Charts> {
  const [{ init, use }, { LineChart }, { GridComponent, MarkAreaComponent }, { SVGRenderer }] =
    await Promise.all([
      import('echarts/core'),
      import('echarts/charts'),
      import('echarts/components'),
      import('echarts/renderers'),
    ]);
  use([LineChart, GridComponent, MarkAreaComponent, SVGRenderer]);

  const draw = (width: number, height: number, label: string, option: object) => {
    const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
    try {
      chart.setOption({ animation: false, textStyle: { fontFamily: font }, ...option });
      return forPage(chart.renderToSVGString(), label);
    } finally {
      // Its clock would keep the process alive.
      chart.dispose();
    }
  };

  return {
    histogram({ from, to, counts }, range, label) {
      const width = (to - from) / counts.length;
      const first = counts.findIndex((n) => n > 0);
      const last = counts.length - 1 - [...counts].reverse().findIndex((n) => n > 0);
      const low = Math.min(from + first * width, range?.from ?? Number.POSITIVE_INFINITY);
      const high = Math.max(from + (last + 1) * width, range?.to ?? Number.NEGATIVE_INFINITY);
      const room = 0.02 * (high - low);
      // The square root shows rare numbers beside frequent ones.
      const heights = counts.slice(first, last + 1).map(Math.sqrt);
      const points = [...heights, heights[heights.length - 1]].map((y, i) => [
        short(from + (first + i) * width),
        short(y),
      ]);
      return draw(360, 110, label, {
        grid: { left: 8, right: 8, top: 6, bottom: 20 },
        xAxis: {
          type: 'value',
          min: low - room,
          max: high + room,
          splitLine: { show: false },
          axisTick: { show: false },
          axisLine: { lineStyle: { color: text } },
          axisLabel: {
            color: text,
            fontSize: 11,
            showMinLabel: false,
            showMaxLabel: false,
            formatter: axisLabel,
          },
        },
        yAxis: { show: false, min: 0 },
        series: [
          {
            type: 'line',
            step: 'end',
            symbol: 'none',
            silent: true,
            lineStyle: { width: 0 },
            areaStyle: { color: 'var(--data)', opacity: 1 },
            data: points,
            ...(range && {
              markArea: {
                silent: true,
                z: 0,
                itemStyle: { color: 'var(--range)', borderColor: 'var(--edge)', borderWidth: 1 },
                data: [[{ xAxis: range.from }, { xAxis: range.to }]],
              },
            }),
          },
        ],
      });
    },
    lines(names, lines, unit) {
      return draw(940, 312, `${lines.map(({ name }) => name).join(', ')} by layer, ${unit}`, {
        grid: { left: 44, right: 12, top: 12, bottom: 108 },
        xAxis: {
          type: 'category',
          data: names,
          axisTick: { show: false },
          axisLine: { lineStyle: { color: text } },
          axisLabel: {
            color: text,
            fontSize: 11,
            rotate: 60,
            interval: Math.ceil(names.length / 50) - 1,
            width: 110,
            overflow: 'truncate',
          },
        },
        yAxis: {
          type: 'value',
          scale: true,
          axisLabel: { color: text, fontSize: 11, formatter: `{value} ${unit}` },
          splitLine: { lineStyle: { color: 'var(--line)' } },
        },
        series: lines.map(({ color, values }) => ({
          type: 'line',
          silent: true,
          symbol: 'circle',
          symbolSize: 5,
          lineStyle: { color, width: 2 },
          itemStyle: { color },
          data: values.map((v) => (v === null ? '-' : short(v))),
        })),
      });
    },
  };
}

const short = (value: number) => Number(value.toPrecision(5));

const axisLabel = (value: number) => String(Number(value.toPrecision(3)));

/** Without what a page has already, and what only a live chart needs. */
function forPage(svg: string, label: string): string {
  return svg
    .replace(/<(style|defs)[\s\S]*?<\/\1>/g, '')
    .replace(/ clip-path="[^"]*"/g, '')
    .replace(/<path[^>]*stroke-width="0"[^>]*><\/path>/g, '')
    .replace(/ (?:class|ecmeta_\w+|pointer-events|xmlns(?::xlink)?|version|baseProfile)="[^"]*"/g, '')
    .replace(/ style="font-size:(\d+)px;[^"]*"/g, ' font-size="$1"')
    .replace(/<rect[^>]*fill="none"><\/rect>/, '')
    .replace(/\n+/g, '')
    .replace(
      /<svg width="(\d+)" height="(\d+)"/,
      `<svg role="img" aria-label="${label}" width="$1" height="$2"`,
    );
}
