import { floats, ints, type RefKernel } from '../kernel';

/** x [o,n,i] → y [o,n,i] = Σ_{k<=j} x, or of k >= j; float or int32 */
export const cumsum: RefKernel<'cumsum'> = (t, { reverse }) => {
  const [x, y] = [t.x.buffer.data, t.y.buffer.data];
  const [outer, n, inner] = t.x.shape;
  const step = reverse ? -inner : inner;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let total = 0;
      let at = (o * n + (reverse ? n - 1 : 0)) * inner + i;
      for (let j = 0; j < n; j++, at += step) {
        total += x[at];
        y[at] = total;
      }
    }
  }
};

/** x [o,n,i] → y [o,n,i] = Π_{k<=j} x */
export const cumprod: RefKernel<'cumprod'> = (t) => {
  const [x, y] = [floats(t.x), floats(t.y)];
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let product = 1;
      for (let j = 0; j < n; j++) {
        const at = (o * n + j) * inner + i;
        product *= x[at];
        y[at] = product;
      }
    }
  }
};

/**
 * gradX_j = (Π_{k<j} x) · s_j, where s_j = gradY_j + x_{j+1} · s_{j+1}: without a division, which a factor of 0 would not
 * stand.
 */
export const cumprodBackward: RefKernel<'cumprodBackward'> = (t) => {
  const [x, y, gradY, gradX] = [floats(t.x), floats(t.y), floats(t.gradY), floats(t.gradX)];
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let sum = 0;
      for (let j = n - 1; j >= 0; j--) {
        const at = (o * n + j) * inner + i;
        sum = gradY[at] + (j < n - 1 ? x[at + inner] * sum : 0);
        gradX[at] = (j === 0 ? 1 : y[at - inner]) * sum;
      }
    }
  }
};

/** x [o,n,i] → y [o,i] = Π_n x */
export const prod: RefKernel<'prod'> = (t) => {
  const [x, y] = [floats(t.x), floats(t.y)];
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let product = 1;
      for (let j = 0; j < n; j++) product *= x[(o * n + j) * inner + i];
      y[o * inner + i] = product;
    }
  }
};

/** gradX_j = gradY · Π_{k<j} x · Π_{k>j} x */
export const prodBackward: RefKernel<'prodBackward'> = (t) => {
  const [x, gradY, gradX] = [floats(t.x), floats(t.gradY), floats(t.gradX)];
  const [outer, n, inner] = t.x.shape;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let before = 1;
      for (let j = 0; j < n; j++) {
        const at = (o * n + j) * inner + i;
        let product = before * gradY[o * inner + i];
        for (let k = j + 1; k < n; k++) product *= x[(o * n + k) * inner + i];
        gradX[at] = product;
        before *= x[at];
      }
    }
  }
};

/** x [o,n,i] → y [o,n,i] int32: the order of its elements, equal ones as they stand, NaN above all numbers */
export const argsort: RefKernel<'argsort'> = (t, { descending }) => {
  const [x, y] = [t.x.buffer.data, ints(t.y)];
  const [outer, n, inner] = t.x.shape;
  const order = new Int32Array(n);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const value = (j: number) => x[(o * n + j) * inner + i];
      for (let j = 0; j < n; j++) order[j] = j;
      const compare = (a: number, b: number) => {
        const [p, q] = [value(a), value(b)];
        if (p < q) return -1;
        if (p > q) return 1;
        return Number(Number.isNaN(p)) - Number(Number.isNaN(q));
      };
      order.sort((a, b) => (descending ? compare(b, a) : compare(a, b)) || a - b);
      for (let j = 0; j < n; j++) y[(o * n + j) * inner + i] = order[j];
    }
  }
};
