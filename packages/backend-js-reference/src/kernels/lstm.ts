import { floats, type HostTensor, type RefKernel, size } from '../kernel';
import { linear } from './linear';
import { qlinearDynamic } from './qlinear-dynamic';
import { part, sigmoid } from './recurrent';

interface Sequence {
  readonly x: HostTensor;
  readonly h0: HostTensor;
  readonly c0: HostTensor;
  readonly y: HostTensor;
  readonly gates?: HostTensor | undefined;
}

/** All steps; `product` writes the state's share of the gates. Each piece is rounded to x's dtype. */
function steps(t: Sequence, product: (h: HostTensor, gates: HostTensor) => void): void {
  const [length, n, width] = t.x.shape;
  const hidden = width / 4;
  const x = floats(t.x);
  const y = floats(t.y);
  const all = t.gates && floats(t.gates);
  const gates = x.slice(0, n * width);
  const plane = n * hidden;
  let h = t.h0;
  let c = floats(t.c0);
  for (let step = 0; step < length; step++) {
    product(h, part(gates, 0, [n, width], t.x));
    const cells = y.subarray((length + step) * plane);
    h = part(y, step * plane, [n, hidden], t.y);
    for (let row = 0; row < n; row++) {
      for (let at = row * width, end = at + width; at < end; at++) {
        gates[at] += x[step * n * width + at];
        const isCandidate = Math.floor((at % width) / hidden) === 2;
        gates[at] = isCandidate ? Math.tanh(gates[at]) : sigmoid(gates[at]);
      }
      for (let j = 0; j < hidden; j++) {
        const at = row * hidden + j;
        const [i, f, g, o] = [0, 1, 2, 3].map((k) => gates[row * width + k * hidden + j]);
        cells[at] = f * c[at] + i * g;
        y[step * plane + at] = o * Math.tanh(cells[at]);
      }
    }
    all?.set(gates, step * n * width);
    c = cells;
  }
}

/** gates = x + h · weightᵀ + bias; c = σ(f) · c + σ(i) · tanh(g); h = σ(o) · tanh(c) at each step → y, all h and all c */
export const lstm: RefKernel<'lstm'> = (t) =>
  steps(t, (x, y) => linear({ x, weight: t.weight, bias: t.bias, y }, {}));

/** The same, with h · weightᵀ + bias by qlinearDynamic */
export const qlstmDynamic: RefKernel<'qlstmDynamic'> = (t, attrs) =>
  steps(t, (x, y) => qlinearDynamic({ x, weight: t.weight, bias: t.bias, y }, attrs));

/**
 * From the last step to the first, with dh = gradY[h] + gradGates of the step after · weight:
 * dc = gradY[c] + dc of the step after · f + dh · o · (1 - tanh²(c)), and the gradients of the gates before σ and tanh
 * from dc · g, dc · c before, dc · i and dh · tanh(c).
 */
export const lstmBackward: RefKernel<'lstmBackward'> = (t) => {
  const [length, n, width] = t.gates.shape;
  const hidden = width / 4;
  const plane = n * hidden;
  const [weight, y, gates, gradY] = [t.weight, t.y, t.gates, t.gradY].map(floats);
  const [gradX, gradH, gradC] = [t.gradX, t.gradH0, t.gradC0].map(floats);
  gradH.fill(0, 0, size(t.gradH0));
  gradC.fill(0, 0, size(t.gradC0));
  for (let step = length - 1; step >= 0; step--) {
    const cells = y.subarray((length + step) * plane);
    const before = step > 0 ? y.subarray((length + step - 1) * plane) : floats(t.c0);
    for (let row = 0; row < n; row++) {
      for (let j = 0; j < hidden; j++) {
        const at = row * hidden + j;
        const first = (step * n + row) * width + j;
        const [i, f, g, o] = [0, 1, 2, 3].map((k) => gates[first + k * hidden]);
        const tanh = Math.tanh(cells[at]);
        const dh = gradY[step * plane + at] + gradH[at];
        const dc = gradY[(length + step) * plane + at] + gradC[at] + dh * o * (1 - tanh * tanh);
        gradC[at] = dc * f;
        gradX[first] = dc * g * i * (1 - i);
        gradX[first + hidden] = dc * before[at] * f * (1 - f);
        gradX[first + 2 * hidden] = dc * i * (1 - g * g);
        gradX[first + 3 * hidden] = dh * tanh * o * (1 - o);
      }
      for (let j = 0; j < hidden; j++) {
        let sum = 0;
        for (let k = 0; k < width; k++) sum += gradX[(step * n + row) * width + k] * weight[k * hidden + j];
        gradH[row * hidden + j] = sum;
      }
    }
  }
};
