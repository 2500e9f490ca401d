import type { Point, Stroke } from '../src/pad/strokes';

const line = (...points: readonly [number, number][]): Stroke => points.map(([x, y]) => ({ x, y }));

/** Part of an ellipse, from one angle to another, in degrees clockwise from the right. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Point[] {
  return Array.from({ length: 13 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 12) * Math.PI) / 180;
    return { x: cx + rx * Math.cos(angle), y: cy + ry * Math.sin(angle) };
  });
}

/** The digits as a person may draw them on the pad. */
export const hand: readonly (readonly Stroke[])[] = [
  [arc(0.5, 0.5, 0.2, 0.3, -90, 270)],
  [line([0.52, 0.2], [0.5, 0.5], [0.48, 0.8])],
  [[...arc(0.5, 0.35, 0.17, 0.16, 190, 395), ...line([0.33, 0.78], [0.72, 0.77])]],
  [[...arc(0.48, 0.34, 0.16, 0.14, 200, 450), ...arc(0.48, 0.64, 0.19, 0.16, 270, 520)]],
  [line([0.36, 0.2], [0.32, 0.5], [0.7, 0.5]), line([0.64, 0.2], [0.62, 0.82])],
  [[...line([0.68, 0.2], [0.38, 0.2], [0.36, 0.45]), ...arc(0.48, 0.61, 0.18, 0.18, 240, 500)]],
  [[...line([0.6, 0.18], [0.42, 0.4]), ...arc(0.5, 0.64, 0.17, 0.17, 180, 540)]],
  [line([0.3, 0.22], [0.7, 0.22], [0.55, 0.5], [0.46, 0.82])],
  [[...arc(0.5, 0.35, 0.14, 0.15, 90, 450), ...arc(0.5, 0.66, 0.17, 0.16, -90, 270)]],
  [[...arc(0.48, 0.36, 0.16, 0.16, 0, 360), ...line([0.64, 0.36], [0.62, 0.6], [0.56, 0.84])]],
];
