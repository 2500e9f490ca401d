import { ArgumentError } from '@octet/backend';
import { HostTensor, onHost } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';

/** The most samples that RoiAlign takes of one box, in each direction. */
const MAX_SAMPLES = 4096;

/** @throws ArgumentError */
function requireSizes(op: string, ok: boolean, expected: string, ...tensors: readonly HostTensor[]): void {
  if (ok) return;
  throw new ArgumentError({
    op,
    expected,
    found: tensors.map(({ shape }) => `[${shape}]`).join(', '),
    fix: 'Check the sizes of the inputs.',
  });
}

/** Corners y1, x1, y2, x2 of a box, in order, and its area. */
type Box = readonly [y1: number, x1: number, y2: number, x2: number, area: number];

function boxAt(boxes: HostTensor, row: number, centred: boolean): Box {
  const [a, b, c, d] = boxes.data.subarray(4 * row, 4 * row + 4);
  const corners = centred
    ? [b - d / 2, a - c / 2, b + d / 2, a + c / 2]
    : [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
  const [y1, x1, y2, x2] = corners.map(Math.fround);
  return [y1, x1, y2, x2, Math.fround(Math.fround(y2 - y1) * Math.fround(x2 - x1))];
}

/** What two boxes share by what they cover. */
function overlap(a: Box, b: Box): number {
  const height = Math.fround(Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const width = Math.fround(Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  if (!(height > 0 && width > 0) || !(a[4] > 0 && b[4] > 0)) return 0;
  const shared = Math.fround(height * width);
  return Math.fround(shared / Math.fround(Math.fround(a[4] + b[4]) - shared));
}

/** Boxes [B, N, 4] and scores [B, C, N] → the rows [batch, class, box] that stay, int32 [K, 3]. */
function nonMaxSuppression(node: OnnxNode): Operand {
  const centred = node.flag('center_point_box');
  const fn = onHost('NonMaxSuppression', (...args) => {
    const [boxes, scores, most, iou, least] = args as [HostTensor, HostTensor, ...(HostTensor | undefined)[]];
    const [batches, n] = boxes.shape;
    requireSizes(
      'NonMaxSuppression',
      boxes.dim === 3 &&
        boxes.shape[2] === 4 &&
        scores.dim === 3 &&
        scores.shape[0] === batches &&
        scores.shape[2] === n,
      'boxes [B, N, 4] and scores [B, C, N]',
      boxes,
      scores,
    );
    const classes = scores.shape[1];
    const count = most?.data[0] ?? 0;
    const threshold = iou?.data[0] ?? 0;
    const lowest = least?.data[0];
    const rows: number[] = [];
    for (let b = 0; b < batches; b++) {
      const all = Array.from({ length: n }, (_, i) => boxAt(boxes, b * n + i, centred));
      for (let c = 0; c < classes; c++) {
        const score = scores.data.subarray((b * classes + c) * n, (b * classes + c + 1) * n);
        const order = all
          .map((_, i) => i)
          .filter((i) => lowest === undefined || score[i] > lowest)
          .sort((p, q) => score[q] - score[p] || p - q);
        const kept: number[] = [];
        for (const i of order) {
          if (kept.length >= count) break;
          if (kept.every((k) => !(overlap(all[k], all[i]) > threshold))) kept.push(i);
        }
        for (const i of kept) rows.push(b, c, i);
      }
    }
    return HostTensor.of(rows, [rows.length / 3, 3], 'int32');
  });
  return node.call1(fn, node.inputs, { rank: 2, host: [2, 3, 4], fold: false });
}

/** The value of a plane between its pixels; [0] beyond a pixel outside: its four neighbours by their weights. */
function between(
  plane: ArrayLike<number>,
  offset: number,
  [height, width]: readonly [number, number],
  y: number,
  x: number,
): readonly number[] {
  if (!(y >= -1 && y <= height && x >= -1 && x <= width)) return [0];
  const axis = (at: number, n: number): [number, number, number] => {
    const p = Math.max(at, 0);
    const low = Math.floor(p);
    return low >= n - 1 ? [n - 1, n - 1, 0] : [low, low + 1, p - low];
  };
  const [y0, y1, v] = axis(y, height);
  const [x0, x1, u] = axis(x, width);
  const value = (r: number, c: number) => plane[offset + r * width + c];
  return [
    (1 - v) * (1 - u) * value(y0, x0),
    (1 - v) * u * value(y0, x1),
    v * (1 - u) * value(y1, x0),
    v * u * value(y1, x1),
  ];
}

/** Boxes of x [N, C, H, W], each as a grid of cells [C, height, width]: mean or maximum of samples in them. */
function roiAlign(node: OnnxNode): Operand {
  const mode = node.string('mode', 'avg');
  const [height, width] = [node.int('output_height', 1), node.int('output_width', 1)];
  const [sampling, scale] = [node.int('sampling_ratio', 0), node.float('spatial_scale', 1)];
  const usual = node.opset >= 16 ? 'half_pixel' : 'output_half_pixel';
  const half = node.string('coordinate_transformation_mode', usual) === 'half_pixel';
  if (mode !== 'avg' && mode !== 'max') node.unsupported(`mode ${mode.slice(0, 80)}`);
  if (![height, width].every((n) => n >= 1 && n <= MAX_SAMPLES) || sampling < 0 || sampling > MAX_SAMPLES)
    throw node.wrong('an output of 1 to 4096 cells a side', `${height} × ${width}`);
  const fn = onHost('RoiAlign', (...args) => {
    const [x, rois, batches] = args as [HostTensor, HostTensor, HostTensor];
    requireSizes(
      'RoiAlign',
      x.dim === 4 && x.numel > 0 && rois.dim === 2 && rois.shape[1] === 4 && batches.numel === rois.shape[0],
      'x [N, C, H, W], boxes [R, 4] and R batch indices',
      x,
      rois,
      batches,
    );
    const [n, c, ...size] = x.shape;
    const plane = [size[0], size[1]] as const;
    const out = HostTensor.zeros([rois.shape[0], c, height, width], 'float32');
    let to = 0;
    for (let r = 0; r < rois.shape[0]; r++) {
      const [x1, y1, x2, y2] = Array.from(
        rois.data.subarray(4 * r, 4 * r + 4),
        (v) => v * scale - (half ? 0.5 : 0),
      );
      const side = (from: number, end: number) => (half ? end - from : Math.max(end - from, 1));
      const [cellY, cellX] = [side(y1, y2) / height, side(x1, x2) / width];
      const samples = (cell: number) =>
        sampling > 0 ? sampling : Math.min(MAX_SAMPLES, Math.max(0, Math.ceil(cell))) || 0;
      const [down, across] = [samples(cellY), samples(cellX)];
      const batch = batches.data[r];
      requireSizes('RoiAlign', batch >= 0 && batch < n, `batch indices from 0 to ${n - 1}`, batches);
      for (let k = 0; k < c; k++) {
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            let [sum, largest] = [0, Number.NEGATIVE_INFINITY];
            for (let a = 0; a < down; a++) {
              for (let b = 0; b < across; b++) {
                const parts = between(
                  x.data,
                  (batch * c + k) * plane[0] * plane[1],
                  plane,
                  y1 + (i + (a + 0.5) / down) * cellY,
                  x1 + (j + (b + 0.5) / across) * cellX,
                );
                // The maximum is of the weighted pixels, not of their sums: as ONNX has it.
                for (const p of parts) {
                  sum += p;
                  largest = Math.max(largest, p);
                }
              }
            }
            const taken = down * across;
            out.data[to++] = taken === 0 ? 0 : mode === 'avg' ? sum / taken : largest;
          }
        }
      }
    }
    return out;
  });
  return node.call1(fn, node.inputs, { rank: 4, fold: false });
}

export const boxOperators = (): readonly OnnxOperator[] => [
  { op: 'NonMaxSuppression', since: 10, inputs: 2, import: nonMaxSuppression },
  { op: 'RoiAlign', since: 10, inputs: 3, import: roiAlign },
];
