import type { TypedArray } from '@octet/backend';
import { ints, type RefKernel } from '../kernel';

/** How an index [o or 1, m, i or 1] is walked beside a tensor [o,m,i]. */
function stepsOf([outer, m, inner]: readonly number[]) {
  return { outerStep: outer === 1 ? 0 : m * inner, step: inner, innerStep: inner === 1 ? 0 : 1 };
}

/** x [o,n,i], index [o or 1,m,i or 1] → y [o,m,i] = x at the index; NaN, of integers 0, for one outside of 0 … n - 1 */
export const gather: RefKernel<'gather'> = (t) => {
  const [x, y, index] = [t.x.buffer.data, t.y.buffer.data, ints(t.index)];
  const n = t.x.shape[1];
  const [outer, m, inner] = t.y.shape;
  const { outerStep, step, innerStep } = stepsOf(t.index.shape);
  const missing = t.x.dtype === 'int32' ? 0 : Number.NaN;
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < m; j++) {
      const row = o * outerStep + j * step;
      for (let i = 0; i < inner; i++, to++) {
        const at = index[row + i * innerStep];
        y[to] = at >= 0 && at < n ? x[(o * n + at) * inner + i] : missing;
      }
    }
  }
};

type Combine = (y: TypedArray, at: number, value: number) => void;

const combine: Readonly<Record<string, Combine>> = {
  none: (y, at, value) => {
    y[at] = value;
  },
  add: (y, at, value) => {
    y[at] += value;
  },
  mul: (y, at, value) => {
    y[at] = y instanceof Int32Array ? Math.imul(y[at], value) : y[at] * value;
  },
  max: (y, at, value) => {
    y[at] = Math.max(y[at], value);
  },
  min: (y, at, value) => {
    y[at] = Math.min(y[at], value);
  },
};

/** y [o,n,i] = x, and src [o,m,i] combined with it at the index [o or 1,m,i or 1], j after j; none for one outside of 0 … n - 1 */
export const scatter: RefKernel<'scatter'> = (t, { reduce }) => {
  const [x, src, y, index] = [t.x.buffer.data, t.src.buffer.data, t.y.buffer.data, ints(t.index)];
  const [outer, m, inner] = t.src.shape;
  const n = t.y.shape[1];
  const { outerStep, step, innerStep } = stepsOf(t.index.shape);
  const put = combine[reduce];
  for (let i = 0; i < outer * n * inner; i++) y[i] = x[i];
  let from = 0;
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < m; j++) {
      const row = o * outerStep + j * step;
      for (let i = 0; i < inner; i++, from++) {
        const at = index[row + i * innerStep];
        if (at >= 0 && at < n) put(y, (o * n + at) * inner + i, src[from]);
      }
    }
  }
};
