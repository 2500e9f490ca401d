import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  label: string;
  /** A custom property of the theme. */
  color: '--accent' | '--plain';
  width: number;
  /** Dots where there are values, for lines with gaps. */
  dots?: boolean;
}

interface ChartProps {
  title: string;
  lines: readonly Line[];
  /** x, then the values of each line. */
  data: uPlot.AlignedData;
  format: (value: number) => string;
  /** How many steps there will be. */
  steps: number;
  /** The least and the greatest value to show; more if the data has more. */
  range: readonly [least: number, greatest: number];
  /** Where to draw a line from top to bottom. */
  mark: number | undefined;
}

const height = 220;

/** Lines over steps, in the colours of the theme. */
export function Chart({ title, lines, data, format, steps, range, mark }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const marked = useRef(mark);
  marked.current = mark;

  useEffect(() => {
    const { current: element } = box;
    if (!element) return;
    const style = getComputedStyle(element);
    const color = (name: string) => () => style.getPropertyValue(name);
    const font = `12px ${style.fontFamily}`;
    const axis = {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: [0, steps] },
          y: { range: (_, least, greatest) => [Math.min(range[0], least), Math.max(range[1], greatest)] },
        },
        axes: [
          { ...axis, size: 26, label: 'step', labelSize: 18, labelFont: font, font },
          { ...axis, size: 56, font, values: (_, ticks) => ticks.map(format) },
        ],
        series: [
          {},
          ...lines.map(({ label, color: name, width, dots = false }) => ({
            label,
            stroke: color(name),
            width,
            spanGaps: true,
            points: { show: dots, fill: color(name), size: 5 },
          })),
        ],
        hooks: {
          draw: [
            (u) => {
              const at = marked.current;
              if (at === undefined) return;
              const { ctx, bbox } = u;
              const x = u.valToPos(at, 'x', true);
              ctx.save();
              ctx.strokeStyle = style.getPropertyValue('--muted');
              ctx.setLineDash([4, 4]);
              ctx.beginPath();
              ctx.moveTo(x, bbox.top);
              ctx.lineTo(x, bbox.top + bbox.height);
              ctx.stroke();
              ctx.restore();
            },
          ],
        },
      },
      data,
      element,
    );
    chart.current = plot;
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => plot.redraw(false, true);
    scheme.addEventListener('change', redraw);
    return () => {
      watch.disconnect();
      scheme.removeEventListener('change', redraw);
      plot.destroy();
    };
  }, []);

  useEffect(() => chart.current?.setData(data), [data]);

  return (
    <figure class="chart">
      <figcaption>
        {title}
        {lines.length > 1 && (
          <span class="legend">
            {lines.map(({ label, color }) => (
              <span key={label} class={color === '--accent' ? 'accent' : ''}>
                {label}
              </span>
            ))}
          </span>
        )}
      </figcaption>
      <div ref={box} role="img" aria-label={`${title}; the numbers are in the text above`} />
    </figure>
  );
}
