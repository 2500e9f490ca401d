import { Scroll } from '@octet/web/scroll';
import { useSignal } from '@preact/signals';
import type { Box, Drawing } from '../worker/drawing';
import type { LayerRow } from '../worker/studio';

const WIDTH = 190;
const HEIGHT = 46;
const GAP_X = 24;
const GAP_Y = 30;

interface Placed extends Box {
  readonly x: number;
  readonly y: number;
}

/** Boxes from above to below, each as dark as its part of the multiplications. */
export function GraphDrawing({ drawing, rows }: { drawing: Drawing; rows: readonly LayerRow[] }) {
  const zoom = useSignal(100);
  const macs = new Map(rows.map((row) => [row.path, row.macs]));
  const placed = place(drawing.boxes);
  // What goes round a row needs room beside it.
  const width = Math.max(...placed.map(({ x }) => x)) + WIDTH + GAP_X + WIDTH / 2;
  const height = Math.max(...placed.map(({ y }) => y)) + HEIGHT;
  const all = Math.max(1, ...macs.values());
  return (
    <>
      <label class="row small">
        Size
        <input
          type="range"
          min={25}
          max={150}
          value={zoom}
          onInput={(event) => {
            zoom.value = event.currentTarget.valueAsNumber;
          }}
        />
      </label>
      <Scroll label="Drawing of the graph" class="graph">
        <svg
          width={(width * zoom.value) / 100}
          height={(height * zoom.value) / 100}
          viewBox={`-2 -2 ${width + 4} ${height + 4}`}
          role="img"
          aria-label={`The graph in ${placed.length} parts`}
        >
          {drawing.arrows.map(([from, to]) => (
            <path key={`${from}-${to}`} class="arrow" d={arrow(placed[from], placed[to])} />
          ))}
          {placed.map((box) => {
            const sum = box.nodes.reduce((n, { path }) => n + (macs.get(path ?? '') ?? 0), 0);
            return (
              <g key={box.id} transform={`translate(${box.x} ${box.y})`}>
                <title>{box.nodes.map(({ op, path }) => path ?? op).join(' → ')}</title>
                <rect class="box" width={WIDTH} height={HEIGHT} rx={8} />
                <rect
                  class="heat"
                  width={WIDTH}
                  height={HEIGHT}
                  rx={8}
                  style={{ opacity: Math.min(0.6, sum / all / 2) }}
                />
                <text x={10} y={19}>
                  {short(headOf(box))}
                </text>
                <text x={10} y={36} class="more">
                  {short(tailOf(box))}
                </text>
              </g>
            );
          })}
        </svg>
      </Scroll>
    </>
  );
}

/** Rows by level, each in the middle. */
function place(boxes: readonly Box[]): Placed[] {
  const levels = new Map<number, Box[]>();
  for (const box of boxes) levels.set(box.level, [...(levels.get(box.level) ?? []), box]);
  const most = Math.max(...[...levels.values()].map((row) => row.length));
  return boxes.map((box) => {
    const row = levels.get(box.level) as Box[];
    const at = row.indexOf(box) + (most - row.length) / 2;
    return { ...box, x: at * (WIDTH + GAP_X), y: box.level * (HEIGHT + GAP_Y) };
  });
}

function arrow(from: Placed, to: Placed): string {
  const [x0, y0, x1, y1] = [from.x + WIDTH / 2, from.y + HEIGHT, to.x + WIDTH / 2, to.y];
  const middle = (y0 + y1) / 2;
  // What passes other rows goes round them.
  const aside = to.level - from.level > 1 && x0 === x1 ? WIDTH / 2 + GAP_X / 2 : 0;
  return aside === 0
    ? `M ${x0} ${y0} C ${x0} ${middle} ${x1} ${middle} ${x1} ${y1}`
    : `M ${x0} ${y0} C ${x0 + 2 * aside} ${y0 + GAP_Y} ${x1 + 2 * aside} ${y1 - GAP_Y} ${x1} ${y1}`;
}

function headOf({ nodes }: Box): string {
  return nodes[0].path ?? nodes[0].op;
}

/** The kinds of nodes in a box, with how often each occurs. */
function tailOf({ nodes }: Box): string {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].map(([op, n]) => (n > 1 ? `${n} × ${op}` : op)).join(', ');
}

const SHOWN = 27;
const short = (text: string) => (text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text);
