import { useSignal } from '@preact/signals';
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
  const failed = useSignal(false);
  useEffect(() => {
    const { current } = place;
    if (!current) return;
    let width = 0;
    const observer = new ResizeObserver(async ([{ contentRect }]) => {
      if (contentRect.width === width) return;
      width = contentRect.width;
      const wanted = width;
      try {
        const charts = await import('../../src/compare/charts');
        if (wanted === width) current.replaceChildren(latest.current(charts, { width }));
      } catch {
        failed.value = true;
      }
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return (
    <>
      <div class="chart" ref={place} hidden={failed.value} />
      {failed.value && (
        <p class="note">
          The chart could not be loaded; the table has its numbers.{' '}
          <a href={location.href}>Load the page again</a> when you are online, or if it was open for long.
        </p>
      )}
    </>
  );
}
