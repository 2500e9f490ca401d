import { bytes, floats, type HostTensor, type RefKernel, size } from '../kernel';

interface Scored {
  readonly q: HostTensor;
  readonly k: HostTensor;
  readonly mask?: HostTensor | undefined;
}

/** What is added to the score of row i and key j in batch n, head h. */
function maskOf(mask: HostTensor | undefined): (n: number, h: number, i: number, j: number) => number {
  if (!mask) return () => 0;
  const [batches, heads, rows, keys] = mask.shape;
  const at = (n: number, h: number, i: number, j: number) =>
    (((batches > 1 ? n : 0) * heads + (heads > 1 ? h : 0)) * rows + (rows > 1 ? i : 0)) * keys + j;
  if (mask.dtype === 'bool') {
    const seen = bytes(mask);
    return (n, h, i, j) => (seen[at(n, h, i, j)] ? 0 : -Infinity);
  }
  const added = floats(mask);
  return (n, h, i, j) => added[at(n, h, i, j)];
}

/** Calls `row` for each row of q with its place in [N,H,L], the head of k and v in [N,G], and its scores. */
function eachRow(
  { q, k, mask }: Scored,
  { scale, causal }: { scale: number; causal: boolean },
  row: (at: number, kv: number, scores: Float64Array) => void,
): void {
  const [batches, heads, rows, width] = q.shape;
  const [, groups, keys] = k.shape;
  const [left, right] = [floats(q), floats(k)];
  const added = maskOf(mask);
  const scores = new Float64Array(keys);
  for (let n = 0; n < batches; n++) {
    for (let h = 0; h < heads; h++) {
      const kv = n * groups + Math.floor((h * groups) / heads);
      for (let i = 0; i < rows; i++) {
        const at = (n * heads + h) * rows + i;
        for (let j = 0; j < keys; j++) {
          const bias = causal && j > i ? -Infinity : added(n, h, i, j);
          let sum = 0;
          // What is masked out by a bool counts as -infinity, even where the product is no number.
          if (bias !== -Infinity || mask?.dtype !== 'bool') {
            for (let e = 0; e < width; e++) {
              sum += left[at * width + e] * right[(kv * keys + j) * width + e];
            }
          }
          scores[j] = causal && j > i ? -Infinity : sum * scale + bias;
        }
        row(at, kv, scores);
      }
    }
  }
}

/** y = softmax(scale · q · kᵀ + mask) · v; zeros for a row of -infinity throughout */
export const attention: RefKernel<'attention'> = (t, attrs) => {
  const [keys, depth] = t.v.shape.slice(2);
  const [v, y] = [floats(t.v), floats(t.y)];
  const logSum = t.logSum && floats(t.logSum);
  const out = new Float64Array(depth);
  eachRow(t, attrs, (at, kv, scores) => {
    let max = -Infinity;
    for (let j = 0; j < keys; j++) max = Math.max(max, scores[j]);
    let total = 0;
    out.fill(0);
    if (max !== -Infinity) {
      for (let j = 0; j < keys; j++) {
        if (scores[j] === -Infinity) continue;
        const p = Math.exp(scores[j] - max);
        total += p;
        for (let d = 0; d < depth; d++) out[d] += p * v[(kv * keys + j) * depth + d];
      }
    }
    for (let d = 0; d < depth; d++) y[at * depth + d] = max === -Infinity ? 0 : out[d] / total;
    if (logSum) logSum[at] = max + (max === -Infinity ? 0 : Math.log(total));
  });
};

/**
 * With p = e^(score - logSum) and dp = gradY · vᵀ: gradV = pᵀ · gradY, and by the scores' ds = p · (dp - Σ gradY · y) ·
 * scale: gradQ = ds · k, gradK = dsᵀ · q.
 */
export const attentionBackward: RefKernel<'attentionBackward'> = (t, attrs) => {
  const [keys, depth] = t.v.shape.slice(2);
  const width = t.q.shape[3];
  const [q, k, v, y, logSum, gradY] = [t.q, t.k, t.v, t.y, t.logSum, t.gradY].map(floats);
  const [gradQ, gradK, gradV] = [t.gradQ, t.gradK, t.gradV].map((tensor) => {
    const grad = floats(tensor);
    return grad.fill(0, 0, size(tensor));
  });
  eachRow(t, attrs, (at, kv, scores) => {
    if (logSum[at] === -Infinity) return;
    let inner = 0;
    for (let d = 0; d < depth; d++) inner += gradY[at * depth + d] * y[at * depth + d];
    for (let j = 0; j < keys; j++) {
      if (scores[j] === -Infinity) continue;
      const p = Math.exp(scores[j] - logSum[at]);
      const key = kv * keys + j;
      let dp = 0;
      for (let d = 0; d < depth; d++) {
        dp += gradY[at * depth + d] * v[key * depth + d];
        gradV[key * depth + d] += p * gradY[at * depth + d];
      }
      const ds = p * (dp - inner) * attrs.scale;
      for (let e = 0; e < width; e++) {
        gradQ[at * width + e] += ds * k[key * width + e];
        gradK[key * width + e] += ds * q[at * width + e];
      }
    }
  });
};
