import { Bars } from '@octet/web/bars';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** What it is to be compared with: both are drawn in its range. */
  readonly like?: Float32Array;
}

/** Numbers as what they can be told to be: an image, a map, bars of classes, a wave; else the first of them. */
export function OutputView({ name, shape, data, like = data }: Props) {
  const sizes = shape[0] === 1 ? shape.slice(1) : shape;
  const layout = pixelsIn(sizes);
  if (layout) return <Pixels name={name} data={data} like={like} {...layout} />;
  const flat = sizes.filter((n) => n > 1);
  if (flat.length <= 1 && data.length > 1 && data.length <= 1100)
    return <Largest name={name} data={data} like={like} />;
  if (flat.length <= 1 && data.length > 1) return <Wave name={name} data={data} like={like} />;
  return <p class="values small">{firstOf(data)}</p>;
}

/** Where the pixels of an image are among its numbers. */
interface Layout {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Numbers from a channel to the next, and from a pixel to the next. */
  readonly step: number;
  readonly next: number;
}

/** An image, channels first or last, or a map; undefined for sizes of neither. */
function pixelsIn(sizes: readonly number[]): Layout | undefined {
  const [a, b, c] = sizes;
  if (sizes.length === 2 && a > 8 && b > 8) return { channels: 1, height: a, width: b, step: 0, next: 1 };
  if (sizes.length !== 3) return undefined;
  const isColours = (n: number) => n === 1 || n === 3;
  if (isColours(a) && b > 3 && c > 3) return { channels: a, height: b, width: c, step: b * c, next: 1 };
  if (isColours(c) && a > 3 && b > 3) return { channels: c, height: a, width: b, step: 1, next: c };
  return undefined;
}

const SHOWN = 12;
const firstOf = (data: Float32Array) =>
  `${Array.from(data.subarray(0, SHOWN), (v) => Number(v.toPrecision(4))).join(', ')}${data.length > SHOWN ? ', …' : ''}`;

function rangeOf(data: Float32Array): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return high > low ? [low, high] : [low, low + 1];
}

interface PixelsProps extends Layout {
  readonly name: string;
  readonly data: Float32Array;
  readonly like: Float32Array;
}

function Pixels({ name, channels, height, width, data, like, step, next }: PixelsProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = ref.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(width, height);
    const [low, high] = rangeOf(like);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) {
        const value = data[i * next + (channels === 3 ? c : 0) * step];
        image.data[4 * i + c] = (255 * (value - low)) / (high - low);
      }
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }, [data, like]);
  return <canvas ref={ref} class="pixels" width={width} height={height} role="img" aria-label={name} />;
}

const TOP = 6;

/** The largest, as bars. */
function Largest({ name, data, like }: { name: string; data: Float32Array; like: Float32Array }) {
  const [low, high] = rangeOf(like);
  const from = Math.min(0, low);
  const order = Array.from(like.keys())
    .sort((a, b) => like[b] - like[a])
    .slice(0, TOP);
  const best = data.indexOf(rangeOf(data)[1]);
  return (
    <Bars
      label={name}
      class="small"
      rows={order.map((i) => ({
        name: i,
        part: Math.max(0, Math.min(1, (data[i] - from) / (high - from))),
        text: String(Number(data[i].toPrecision(4))),
        best: i === best,
      }))}
    />
  );
}

const WAVE_WIDTH = 600;
const WAVE_HEIGHT = 120;

function Wave({ name, data, like }: { name: string; data: Float32Array; like: Float32Array }) {
  const [low, high] = rangeOf(like);
  const points: string[] = [];
  for (let x = 0; x < WAVE_WIDTH; x++) {
    const v = data[Math.floor((x * data.length) / WAVE_WIDTH)];
    points.push(`${x},${(WAVE_HEIGHT * (1 - (v - low) / (high - low))).toFixed(1)}`);
  }
  return (
    <svg class="wave" viewBox={`0 0 ${WAVE_WIDTH} ${WAVE_HEIGHT}`} role="img" aria-label={name}>
      <polyline points={points.join(' ')} />
    </svg>
  );
}
