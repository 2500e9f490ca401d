import { floats, type RefKernel, size } from '../kernel';

/**
 * g = ±grad + weightDecay · param; with momentum: buffer = first step ? g : momentum · buffer + (1 - dampening) · g,
 * step = nesterov ? g + momentum · buffer : buffer; else step = g. param -= lr · step.
 */
export const sgdStep: RefKernel<'sgdStep'> = (t, attrs) => {
  const { lr, momentum, weightDecay, nesterov, maximize, firstStep } = attrs;
  const grad = floats(t.grad);
  const param = floats(t.param);
  const buffer = t.momentumBuffer && floats(t.momentumBuffer);
  const n = size(t.param);
  const sign = maximize ? -1 : 1;
  if (!buffer || momentum === 0) {
    for (let i = 0; i < n; i++) param[i] -= lr * (sign * grad[i] + weightDecay * param[i]);
    return;
  }
  const take = 1 - attrs.dampening;
  for (let i = 0; i < n; i++) {
    const g = sign * grad[i] + weightDecay * param[i];
    // The buffer may hold anything at the first step, NaN too.
    const b = firstStep ? g : momentum * buffer[i] + take * g;
    buffer[i] = b;
    param[i] -= lr * (nesterov ? g + momentum * b : b);
  }
};
