import { floats, type RefKernel, size } from '../kernel';

/**
 * g = ±grad + weightDecay · param (decoupled: param shrinks by lr · weightDecay instead);
 * m = beta1 · m + (1 - beta1) · g; v = beta2 · v + (1 - beta2) · g²; amsgrad: v̂ = max(v̂, v), else v̂ = v;
 * param -= lr / (1 - beta1^step) · m / (√v̂ / √(1 - beta2^step) + eps).
 */
export const adamStep: RefKernel<'adamStep'> = (t, attrs) => {
  const { lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, step } = attrs;
  const grad = floats(t.grad);
  const param = floats(t.param);
  const expAvg = floats(t.expAvg);
  const expAvgSq = floats(t.expAvgSq);
  const maxExpAvgSq = amsgrad && t.maxExpAvgSq ? floats(t.maxExpAvgSq) : undefined;
  const sign = maximize ? -1 : 1;
  const coupled = decoupledWeightDecay ? 0 : weightDecay;
  const shrink = decoupledWeightDecay ? 1 - lr * weightDecay : 1;
  const rate = lr / (1 - beta1 ** step);
  const unbias = 1 / Math.sqrt(1 - beta2 ** step);
  for (let i = 0, n = size(t.param); i < n; i++) {
    const p = param[i] * shrink;
    const g = sign * grad[i] + coupled * param[i];
    const m = beta1 * expAvg[i] + (1 - beta1) * g;
    let v = beta2 * expAvgSq[i] + (1 - beta2) * g * g;
    expAvg[i] = m;
    expAvgSq[i] = v;
    if (maxExpAvgSq) {
      v = Math.max(maxExpAvgSq[i], v);
      maxExpAvgSq[i] = v;
    }
    param[i] = p - (rate * m) / (Math.sqrt(v) * unbias + eps);
  }
};
