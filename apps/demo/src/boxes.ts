/** A rectangle in pixels, its upper left corner first. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** PP-OCR's own figures: what counts as text, how sure a box must be, how much it grows, and how small it may be. */
const THRESHOLD = 0.3;
const BOX_THRESHOLD = 0.6;
const UNCLIP = 1.5;
const LEAST_SIDE = 3;

/**
 * The boxes of a map of probabilities, as the text detector's authors make them, but upright: what is connected and above 0.3 is a box if its mean is
 * at least 0.6; it grows by 1.5 × area / perimeter, for the network is trained on shrunk text (Liao et al. 2019, Real-time Scene Text
 * Detection with Differentiable Binarization).
 *
 * @param map of height × width, row by row
 */
export function boxesOf(map: Float32Array, width: number, height: number): Box[] {
  const seen = new Uint8Array(map.length);
  const boxes: Box[] = [];
  const stack: number[] = [];
  for (let start = 0; start < map.length; start++) {
    if (seen[start] || map[start] <= THRESHOLD) continue;
    let [left, right, top, bottom, sum, count] = [width, 0, height, 0, 0, 0];
    stack.push(start);
    seen[start] = 1;
    while (stack.length > 0) {
      const at = stack.pop() as number;
      const [x, y] = [at % width, Math.floor(at / width)];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      sum += map[at];
      count++;
      const visit = (next: number) => {
        if (seen[next] || map[next] <= THRESHOLD) return;
        seen[next] = 1;
        stack.push(next);
      };
      if (x > 0) visit(at - 1);
      if (x < width - 1) visit(at + 1);
      if (y > 0) visit(at - width);
      if (y < height - 1) visit(at + width);
    }
    const [w, h] = [right - left + 1, bottom - top + 1];
    if (sum / count < BOX_THRESHOLD || Math.min(w, h) < LEAST_SIDE) continue;
    const grow = (UNCLIP * w * h) / (2 * (w + h));
    boxes.push({ x: left - grow, y: top - grow, width: w + 2 * grow, height: h + 2 * grow });
  }
  return boxes;
}

/** How many boxes of `a` have one of their own in `b`: the same within half of what they cover together. */
export function alike(a: readonly Box[], b: readonly Box[]): number {
  const free = new Set(b);
  let count = 0;
  for (const box of a) {
    const found = [...free].find((other) => overlap(box, other) >= 0.5);
    if (!found) continue;
    free.delete(found);
    count++;
  }
  return count;
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const w = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (w <= 0 || h <= 0) return 0;
  return (w * h) / (a.width * a.height + b.width * b.height - w * h);
}
