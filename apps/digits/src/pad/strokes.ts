/** A place on the pad: 0 to 1 from the left and from the top. */
export interface Point {
  x: number;
  y: number;
}

/** Where the pen went, from putting it down to lifting it. */
export type Stroke = readonly Point[];

const size = 28;
/** Of the pen, in pixels: about as thick as MNIST's digits are. */
const radius = 1.3;
/** MNIST fits digits into a box of so many pixels. */
const box = 20;
/** Drawings smaller than this part of the pad are not blown up. */
const smallest = 0.08;

/**
 * Strokes as an image of 28 × 28 pixels, 0 (paper) to 255 (ink), made as MNIST's were: scaled to a box of 20 × 20, with
 * the centre of mass in the middle. The pen is equally thick however large one draws.
 */
export function rasterize(strokes: readonly Stroke[]): Uint8Array {
  const points = strokes.flat();
  const [left, right] = range(points.map(({ x }) => x));
  const [top, bottom] = range(points.map(({ y }) => y));
  const scale = (box - 2 * radius) / Math.max(right - left, bottom - top, smallest);
  const moved = (dx: number, dy: number) =>
    strokes.map((stroke) =>
      stroke.map(({ x, y }) => ({ x: (x - left) * scale + dx, y: (y - top) * scale + dy })),
    );
  const middle = (length: number) => (size - 1 - length * scale) / 2;
  const [dx, dy] = [middle(right - left), middle(bottom - top)];
  const mass = centreOfMass(paint(moved(dx, dy)));
  const centred = paint(moved(dx + (size - 1) / 2 - mass.x, dy + (size - 1) / 2 - mass.y));
  return Uint8Array.from(centred, (ink) => Math.round(255 * ink));
}

function range(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/** The ink of each pixel, 0 to 1, for strokes in pixels. */
function paint(strokes: readonly Stroke[]): Float32Array {
  const image = new Float32Array(size * size);
  for (const stroke of strokes) {
    stroke.forEach((end, i) => {
      const start = stroke[Math.max(0, i - 1)];
      for (let at = 0; at < image.length; at++) {
        const distance = distanceToLine({ x: at % size, y: Math.floor(at / size) }, start, end);
        image[at] = Math.max(image[at], Math.min(1, radius + 0.5 - distance));
      }
    });
  }
  return image;
}

function distanceToLine(p: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = ((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.max(0, Math.min(1, along));
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

function centreOfMass(image: Float32Array): Point {
  let [sum, x, y] = [0, 0, 0];
  image.forEach((ink, i) => {
    sum += ink;
    x += ink * (i % size);
    y += ink * Math.floor(i / size);
  });
  return { x: x / sum, y: y / sum };
}
