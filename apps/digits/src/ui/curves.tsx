import { type Curve, curvesChart } from '@octet/report';
import { Chart } from '@octet/web/chart';

export interface CurveOfSteps extends Omit<Curve, 'color'> {
  name: string;
  /** A colour of the legend. */
  color: 'accent' | 'plain';
}

interface CurvesProps {
  title: string;
  curves: readonly CurveOfSteps[];
  format: (value: number) => string;
  /** How many steps there will be. */
  steps: number;
  /** The least and the greatest value to show; more if the curves have more. */
  range: readonly [least: number, greatest: number];
  /** Where to draw a line from top to bottom. */
  mark: number | undefined;
}

/** Curves over steps, in the colours of the theme. */
export function Curves({ title, curves, format, steps, range, mark }: CurvesProps) {
  const svg = curvesChart(
    curves.map(({ color, ...curve }) => ({ ...curve, color: `var(--${color})` })),
    {
      label: `${title}; the numbers are in the text above`,
      unit: 'step',
      x: [0, steps],
      y: range,
      format,
      mark,
    },
  );
  return (
    <figure class="curves">
      <figcaption>
        {title}
        {curves.length > 1 && (
          <span class="legend">
            {curves.map(({ name, color }) => (
              <span key={name} class={color === 'accent' ? 'accent' : ''}>
                {name}
              </span>
            ))}
          </span>
        )}
      </figcaption>
      <Chart svg={svg} />
    </figure>
  );
}
