import { floats, type HostTensor, type RefKernel, size } from '../kernel';
import { linear } from './linear';
import { qlinearDynamic } from './qlinear-dynamic';
import { part, sigmoid } from './recurrent';

interface Sequence {
  readonly x: HostTensor;
  readonly h0: HostTensor;
  readonly y: HostTensor;
  readonly gates?: HostTensor | undefined;
}

/** All steps; `product` writes the state's share of the gates. Each piece is rounded to x's dtype. */
function steps(t: Sequence, product: (h: HostTensor, to: HostTensor) => void): void {
  const [length, n, width] = t.x.shape;
  const hidden = width / 3;
  const [x, y] = [floats(t.x), floats(t.y)];
  const all = t.gates && floats(t.gates);
  const share = x.slice(0, n * width);
  const candidate = x.slice(0, hidden);
  let h = t.h0;
  for (let step = 0; step < length; step++) {
    product(h, part(share, 0, [n, width], t.x));
    const before = floats(h);
    h = part(y, step * n * hidden, [n, hidden], t.y);
    for (let row = 0; row < n; row++) {
      for (let j = 0; j < hidden; j++) {
        const at = row * hidden + j;
        const from = (step * n + row) * width + j;
        const [r, z, m] = [0, 1, 2].map((k) => row * width + k * hidden + j);
        for (const [k, gate] of [r, z].entries()) {
          share[gate] += x[from + k * hidden];
          share[gate] = sigmoid(share[gate]);
        }
        candidate[j] = share[r] * share[m];
        candidate[j] += x[from + 2 * hidden];
        candidate[j] = Math.tanh(candidate[j]);
        const to = step * n * hidden + at;
        y[to] = before[at] - candidate[j];
        y[to] *= share[z];
        y[to] += candidate[j];
      }
      const to = (step * n + row) * 4 * hidden;
      all?.set(share.subarray(row * width, (row + 1) * width), to);
      all?.set(candidate, to + width);
    }
  }
}

/** p = h · weightᵀ + bias; r = σ(x + p), z = σ(x + p), n = tanh(x + r · p); h = n + z · (h - n) at each step → y, all h */
export const gru: RefKernel<'gru'> = (t) =>
  steps(t, (x, y) => linear({ x, weight: t.weight, bias: t.bias, y }, {}));

/** The same, with h · weightᵀ + bias by qlinearDynamic */
export const qgruDynamic: RefKernel<'qgruDynamic'> = (t, attrs) =>
  steps(t, (x, y) => qlinearDynamic({ x, weight: t.weight, bias: t.bias, y }, attrs));

/**
 * From the last step to the first, with dh = gradY + that of the step after, the gradients of the gates before σ and tanh
 * from dh · (h before - n) for z, dn = dh - dh · z, and dn · p for r; dn · r is that of p. What goes on to the step before is
 * dh · z + gradHidden · weight.
 */
export const gruBackward: RefKernel<'gruBackward'> = (t) => {
  const [length, n, width] = t.gradX.shape;
  const hidden = width / 3;
  const plane = n * hidden;
  const [weight, y, gates, gradY] = [t.weight, t.y, t.gates, t.gradY].map(floats);
  const [gradX, gradHidden, gradH] = [t.gradX, t.gradHidden, t.gradH0].map(floats);
  gradH.fill(0, 0, size(t.gradH0));
  for (let step = length - 1; step >= 0; step--) {
    const before = step > 0 ? y.subarray((step - 1) * plane) : floats(t.h0);
    for (let row = 0; row < n; row++) {
      const first = (step * n + row) * width;
      for (let j = 0; j < hidden; j++) {
        const at = row * hidden + j;
        const [r, z, m, c] = [0, 1, 2, 3].map((k) => gates[((step * n + row) * 4 + k) * hidden + j]);
        const dh = gradY[step * plane + at] + gradH[at];
        gradH[at] = dh * z;
        const dn = (dh - dh * z) * (1 - c * c);
        gradX[first + j] = dn * m * r * (1 - r);
        gradX[first + hidden + j] = dh * (before[at] - c) * z * (1 - z);
        gradX[first + 2 * hidden + j] = dn;
        for (let k = 0; k < 2; k++) gradHidden[first + k * hidden + j] = gradX[first + k * hidden + j];
        gradHidden[first + 2 * hidden + j] = dn * r;
      }
      for (let j = 0; j < hidden; j++) {
        let sum = 0;
        for (let k = 0; k < width; k++) sum += gradHidden[first + k] * weight[k * hidden + j];
        gradH[row * hidden + j] += sum;
      }
    }
  }
};
