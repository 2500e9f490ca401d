import { useEffect, useRef } from 'preact/hooks';
import type { ChartOptions } from '../../src/compare/charts';

type Charts = typeof import('../../src/compare/charts');

export interface ChartProps {
  /** Give the chart another key if what it draws changes. */
  draw(charts: Charts, options: ChartOptions): Element;
}

/** A chart as wide as its place. The library is loaded with the first one. */
export function Chart({ draw }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(draw);
  useEffect(() => {
    const { current } = place;
    if (!current) return;
    let width = 0;
    const observer = new ResizeObserver(async ([{ contentRect }]) => {
      if (contentRect.width === width) return;
      width = contentRect.width;
      const wanted = width;
      const charts = await import('../../src/compare/charts');
      if (wanted === width) current.replaceChildren(latest.current(charts, { width }));
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return <div class="chart" ref={place} />;
}
