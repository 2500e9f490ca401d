import { expect, test } from 'vitest';
import { barsChart, curvesChart, histogramChart, linesChart, pointsChart } from '../src';

const attributes = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].map((match) => match[1]);

test('bars are as long as their values, of all or of their group', () => {
  const groups = [
    { name: 'a', detail: 'Conv2d', bars: [{ value: 8, text: '8 ms', color: 'red' }] },
    {
      name: 'b',
      bars: [
        { value: 4, text: '4 ms', color: 'red' },
        { value: 1, text: '1 ms', color: 'blue' },
      ],
    },
  ];
  const widths = (ownScale: boolean) =>
    attributes(barsChart(groups, { label: 'Times', bar: 20, ownScale }), /<rect[^>]* width="([^"]+)"/g);
  expect(widths(false)).toEqual(['100%', '50%', '12.5%']);
  expect(widths(true)).toEqual(['100%', '100%', '25%']);
  const svg = barsChart(groups, { label: 'Times', bar: 20 });
  expect(attributes(svg, /<text[^>]*>([^<]+)/g)).toEqual(['a', '8 ms', 'b', '4 ms', '1 ms']);
  expect(svg).toContain('<tspan class="detail"> Conv2d</tspan>');
  expect(svg).toMatch(/<svg role="img" aria-label="Times" height="\d+"/);
});

test('bars of nothing have no length', () => {
  const bars = [{ value: 0, text: '0', color: 'red' }];
  const svg = barsChart([{ name: 'none', bars }], { label: 'x', bar: 20 });
  expect(attributes(svg, /<rect[^>]* width="([^"]+)"/g)).toEqual(['0%']);
});

test('a range is a line through the end of its bar, and has room', () => {
  const bars = [{ value: 4, text: '4 ms', color: 'red', range: [3, 5] as const }];
  const svg = barsChart([{ name: 'a', bars }], { label: 'x', bar: 20 });
  expect(attributes(svg, /<rect[^>]* width="([^"]+)"/g)).toEqual(['80%']);
  expect(svg).toContain('<line x1="60%" x2="100%"');
});

test('curves go from corner to corner, and beyond the range that was asked for', () => {
  const options = { label: 'Loss', unit: 'step', x: [0, 10], y: [0, 1], format: String } as const;
  const draw = (points: [number, number][], more = {}) =>
    curvesChart([{ points, color: 'red', width: 2 }], { ...options, ...more });
  expect(
    draw([
      [0, 0],
      [10, 1],
    ]),
  ).toContain('d="M0 1000L1000 0"');
  expect(
    draw([
      [0, 0],
      [10, 2],
    ]),
  ).toContain('d="M0 1000L1000 0"');
  expect(
    draw([
      [0, 0],
      [10, 0.5],
    ]),
  ).toContain('d="M0 1000L1000 500"');
  expect(attributes(draw([[0, 0]]), /text-anchor="end"[^>]*>([^<]+)/g)).toEqual([
    ...['0', '0.2', '0.4', '0.6', '0.8', '1'],
  ]);
  expect(attributes(draw([[0, 0]]), /<text x="([^"]+)"[^>]*middle/g)).toEqual([
    ...['0%', '20%', '40%', '60%', '80%', '100%', '50%'],
  ]);
  expect(draw([], { mark: 5 })).toMatch(/d="M500 0V1000"[^>]* stroke-dasharray/);
  expect(draw([])).not.toContain('stroke-dasharray');
  const dotted = curvesChart(
    [
      {
        points: [
          [0, 0],
          [10, 1],
        ],
        color: 'red',
        width: 2,
        dots: true,
      },
    ],
    options,
  );
  expect(dotted).toContain('d="M0 1000h0M1000 0h0"');
});

test('lines leave gaps, and histograms begin with the first number', () => {
  const lines = linesChart(
    ['a', 'b', 'c', 'd'],
    [{ name: 'x', color: 'red', values: [1, 2, null, 3] }],
    'dB',
  );
  expect(lines.match(/<circle/g)).toHaveLength(3);
  expect(lines.match(/d="(M[^"]*)" fill="none"/)?.[1].replace(/[^ML]/g, '')).toBe('MLM');
  const histogram = histogramChart({ from: 0, to: 4, counts: [0, 4, 1, 0] }, { from: 1, to: 3 }, 'output');
  expect(histogram).toContain('fill="var(--range)"');
  expect(attributes(histogram, /<text[^>]*>([^<]+)/g)).toEqual(['1', '1.5', '2', '2.5', '3']);
});

test('what users name is escaped', () => {
  const name = '<b> & "c"';
  const bars = [{ value: 1, text: name, color: 'red' }];
  const charts = [
    barsChart([{ name, detail: name, bars }], { label: name, bar: 20 }),
    curvesChart([], { label: name, unit: name, x: [0, 1], y: [0, 1], format: () => name }),
    linesChart([name], [{ name, color: 'red', values: [1] }], name),
    histogramChart({ from: 0, to: 1, counts: [1] }, undefined, name),
  ];
  for (const chart of charts) {
    expect(chart).not.toContain('<b>');
    expect(chart).toContain('aria-label="&lt;b&gt; &amp; &quot;c&quot;');
  }
});

test('points stand at their numbers, from 0 to the right; near ones share a label', () => {
  const points = [
    { x: 50, y: 20, label: '1', kind: 'kept' },
    { x: 50.2, y: 20.1, label: '2', kind: 'other' },
    { x: 25, y: 30, label: '<3>', kind: 'chosen' },
  ] as const;
  const draw = (more = {}) => pointsChart(points, { label: 'Accuracy', unit: ['kB', 'dB'], ...more });
  const marked = draw({ mark: { x: 100, label: 'float' }, level: { y: 35, label: 'target' } });
  // The chosen one is drawn last, at a quarter of float's place, which is 1 / 1.05 of the width.
  expect(attributes(marked, /<circle cx="([^"]+)"/g)).toEqual(['47.6%', '47.8%', '23.8%']);
  const heights = attributes(marked, /<circle [^>]*cy="([^"]+)"/g).map(Number);
  expect(heights[2]).toBeLessThan(heights[0]);
  expect(attributes(marked, /font-size="12"[^>]*>([^<]+)</g)).toEqual(['1, 2', '&lt;3&gt;']);
  for (const label of ['float', 'target', 'kB', 'dB']) expect(marked).toContain(`>${label}<`);
  expect(draw()).not.toContain('dasharray');
});
