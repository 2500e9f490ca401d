/** How near a model's outputs come to float's, by signal to noise and by what the model is for. */

type Data = Float32Array;

export interface Values {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** The outputs for one input, by name. */
export type Outputs = Readonly<Record<string, Values>>;

/** What a model is for, in numbers. */
export type Task = Record<string, number>;

type Judge = (ref: readonly Outputs[], got: readonly Outputs[]) => Task;

/** Left, top, right, bottom, and a class, if there are several. */
type Box = readonly number[];

interface Matched {
  readonly matched: number;
  readonly lost: number;
  readonly extra: number;
}

const argmax = (a: Data): number => a.reduce((m: number, v, i) => (v > a[m] ? i : m), 0);
const mean = (a: readonly number[]) => a.reduce((s, v) => s + v, 0) / a.length;

function iou(a: Box, b: Box): number {
  const i =
    Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) *
    Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  return i / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - i + 1e-9);
}

/** Which boxes stay where those of a higher score cover the others. */
function nms(boxes: readonly Box[], scores: readonly number[], threshold: number): number[] {
  const order = boxes.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const keep: number[] = [];
  while (order.length > 0) {
    const i = order.shift() as number;
    keep.push(i);
    for (let k = order.length - 1; k >= 0; k--)
      if (iou(boxes[i], boxes[order[k]]) > threshold) order.splice(k, 1);
  }
  return keep;
}

/** Boxes in common: the best one at IoU ≥ 0.5 and of the same class. */
function match(A: readonly Box[], B: readonly Box[]): Matched {
  const rest = [...B];
  let matched = 0;
  for (const a of A) {
    let at = -1;
    for (let k = 0; k < rest.length; k++) {
      if (a[4] !== rest[k][4]) continue;
      if (at < 0 || iou(a, rest[k]) > iou(a, rest[at])) at = k;
    }
    if (at >= 0 && iou(a, rest[at]) >= 0.5) {
      rest.splice(at, 1);
      matched++;
    }
  }
  return { matched, lost: A.length - matched, extra: rest.length };
}

function summed(list: readonly Matched[]): Task {
  const sum = (key: keyof Matched) => list.reduce((s, m) => s + m[key], 0);
  return { matched: sum('matched'), lost: sum('lost'), extra: sum('extra') };
}

/** Connected regions above 0.3 of a text map → boxes, grown as the detector's post-processing does. */
function textBoxes({ shape, data }: Values): Box[] {
  const [, , H, W] = shape;
  const seen = new Uint8Array(H * W);
  const boxes: Box[] = [];
  for (let s = 0; s < H * W; s++) {
    if (seen[s] || !(data[s] > 0.3)) continue;
    let [x0, y0, x1, y1] = [W, H, 0, 0];
    const stack = [s];
    seen[s] = 1;
    while (stack.length > 0) {
      const p = stack.pop() as number;
      const [y, x] = [Math.floor(p / W), p % W];
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x + 1)];
      [y0, y1] = [Math.min(y0, y), Math.max(y1, y + 1)];
      const around = [
        [p - 1, x > 0],
        [p + 1, x < W - 1],
        [p - W, y > 0],
        [p + W, y < H - 1],
      ] as const;
      for (const [q, inside] of around) {
        if (!inside || seen[q] || !(data[q] > 0.3)) continue;
        seen[q] = 1;
        stack.push(q);
      }
    }
    const [h, w] = [y1 - y0, x1 - x0];
    let sum = 0;
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) sum += data[y * W + x];
    if (h < 4 || w < 6 || sum / (h * w) < 0.4) continue;
    const d = (h * w * 1.5) / (2 * (h + w));
    boxes.push([Math.max(0, x0 - d), Math.max(0, y0 - d), Math.min(W, x1 + d), Math.min(H, y1 + d)]);
  }
  return boxes;
}

function faces({ scores, boxes }: Outputs): Box[] {
  const found: Box[] = [];
  const sure: number[] = [];
  for (let i = 0; i < boxes.shape[1]; i++) {
    if (!(scores.data[2 * i + 1] > 0.65)) continue;
    found.push([...boxes.data.subarray(4 * i, 4 * i + 4)]);
    sure.push(scores.data[2 * i + 1]);
  }
  return nms(found, sure, 0.4).map((i) => found[i]);
}

function objects({ shape, data }: Values): Box[] {
  const n = shape[2] * shape[3];
  const at = (c: number, k: number) => data[c * n + k];
  const found: Box[] = [];
  const sure: number[] = [];
  for (let k = 0; k < n; k++) {
    let best = 5;
    for (let c = 5; c < 85; c++) if (at(c, k) > at(best, k)) best = c;
    const score = at(0, k) ** 0.6 * at(best, k) ** 0.4;
    if (!(score > 0.5)) continue;
    const [cx, cy] = [((k % 22) + Math.tanh(at(1, k))) / 22, (Math.floor(k / 22) + Math.tanh(at(2, k))) / 22];
    const [w, h] = [1 / (1 + Math.exp(-at(3, k))), 1 / (1 + Math.exp(-at(4, k)))];
    found.push([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, best]);
    sure.push(score);
  }
  return nms(found, sure, 0.45).map((i) => found[i]);
}

/** The labels that a CTC head reads: repeats merged, blanks (0) dropped. */
function ctc({ shape, data }: Values): string {
  const C = shape[shape.length - 1];
  const labels: number[] = [];
  let before = -1;
  for (let t = 0; t < data.length / C; t++) {
    const label = argmax(data.subarray(t * C, (t + 1) * C));
    if (label !== before && label !== 0) labels.push(label);
    before = label;
  }
  return labels.join(' ');
}

const first = (out: Outputs) => Object.values(out)[0];

/** An output of the reference and of what is judged, for each input. */
function pairs(ref: readonly Outputs[], got: readonly Outputs[], name?: string): [Values, Values][] {
  return ref.map((out, i) => (name ? [out[name], got[i][name]] : [first(out), got[i][Object.keys(out)[0]]]));
}

const sameLabel: Judge = (ref, got) => ({
  'same label': mean(pairs(ref, got).map(([a, b]) => Number(argmax(a.data) === argmax(b.data)))),
});

function cosine(ref: readonly Outputs[], got: readonly Outputs[], name?: string): Task {
  const c = pairs(ref, got, name).flatMap(([a, b]) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (const [i, v] of a.data.entries()) {
      ab += v * b.data[i];
      aa += v * v;
      bb += b.data[i] ** 2;
    }
    return aa > 1e-6 && bb > 0 ? [ab / Math.sqrt(aa * bb)] : [];
  });
  return { 'mean cosine': mean(c), 'least cosine': Math.min(...c) };
}

function activeCells(name: string, threshold: number): Judge {
  return (ref, got) => {
    let [both, any] = [0, 0];
    for (const [a, b] of pairs(ref, got, name)) {
      for (const [i, v] of a.data.entries()) {
        both += Number(v > threshold && b.data[i] > threshold);
        any += Number(v > threshold || b.data[i] > threshold);
      }
    }
    return { 'IoU of active cells': both / Math.max(any, 1) };
  };
}

/** What the models are for, one line each. */
const judges: Readonly<Record<string, Judge>> = {
  'ocr-det': (ref, got) => summed(pairs(ref, got).map(([a, b]) => match(textBoxes(a), textBoxes(b)))),
  'face-detect': (ref, got) => summed(ref.map((out, i) => match(faces(out), faces(got[i])))),
  'object-detect': (ref, got) => summed(pairs(ref, got).map(([a, b]) => match(objects(a), objects(b)))),
  'file-type': sameLabel,
  digits: sameLabel,
  'ocr-cls': sameLabel,
  blazeface: (ref, got) => ({
    'same best anchor': mean(
      pairs(ref, got, 'Identity:0').map(([a, b]) => Number(argmax(a.data) === argmax(b.data))),
    ),
  }),
  'super-resolution': (ref, got) => ({
    'PSNR dB': mean(
      pairs(ref, got).map(
        ([a, b]) => -10 * Math.log10(mean(Array.from(a.data, (v, i) => (v - b.data[i]) ** 2))),
      ),
    ),
  }),
  'audio-embedding': cosine,
  'face-feature': cosine,
  'denoise-gru': (ref, got) => cosine(ref, got, 'enh'),
  'denoise-lstm': (ref, got) => ({
    'mean difference of the mask': mean(
      pairs(ref, got, 'activation_2').map(([a, b]) =>
        mean(Array.from(a.data, (v, i) => Math.abs(v - b.data[i]))),
      ),
    ),
  }),
  vad: (ref, got) => ({
    'frames decided alike': mean(
      pairs(ref, got, 'output').map(([a, b]) => Number(a.data[0] > 0.5 === b.data[0] > 0.5)),
    ),
  }),
  'ocr-rec': (ref, got) => ({
    'lines equal': mean(pairs(ref, got).map(([a, b]) => Number(ctc(a) === ctc(b)))),
  }),
  lines: activeCells('scores', 0.2),
  pitch: activeCells('StatefulPartitionedCall:1', 0.3),
  sentences: (ref, got) => {
    let [common, was, is] = [0, 0, 0];
    for (const [a, b] of pairs(ref, got)) {
      for (const [i, v] of a.data.entries()) {
        common += Number(v > 0 && b.data[i] > 0);
        was += Number(v > 0);
        is += Number(b.data[i] > 0);
      }
    }
    return { matched: common, lost: was - common, extra: is - common };
  },
};

/**
 * How near outputs come to others: for each output the signal to noise over all inputs, in dB, and what the model is for, if
 * that is known of a model of this name.
 */
export function measure(
  name: string,
  ref: readonly Outputs[],
  got: readonly Outputs[],
): { sqnrDb: Record<string, number>; task: Task } {
  const sqnrDb: Record<string, number> = {};
  for (const key of Object.keys(ref[0])) {
    let [signal, noise] = [0, 0];
    for (const [i, out] of ref.entries()) {
      const { data } = got[i][key];
      for (const [k, v] of out[key].data.entries()) {
        signal += v ** 2;
        noise += (v - data[k]) ** 2;
      }
    }
    sqnrDb[key] = noise > 0 ? Number((10 * Math.log10(signal / noise)).toFixed(2)) : Number.POSITIVE_INFINITY;
  }
  return { sqnrDb, task: judges[name]?.(ref, got) ?? {} };
}
