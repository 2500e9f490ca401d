import { type KernelFamily, size } from '../kernel';
import { program } from '../program';

const workgroup = 64;

const sgdUniforms = { n: 'u32', lr: 'f32', sign: 'f32', weightDecay: 'f32' } as const;

const sgd = program({
  name: 'sgdStep',
  inputs: { grad: 'f32' },
  outputs: { param: 'f32' },
  uniforms: sgdUniforms,
  workgroup: [workgroup],
  main: `
  if (index >= u.n) { return; }
  let p = param[index];
  param[index] = p - u.lr * (u.sign * grad[index] + u.weightDecay * p);`,
});

const sgdMomentum = program({
  name: 'sgdStep with momentum',
  inputs: { grad: 'f32' },
  outputs: { param: 'f32', momentumBuffer: 'f32' },
  uniforms: { ...sgdUniforms, momentum: 'f32', take: 'f32', nesterov: 'u32', firstStep: 'u32' },
  workgroup: [workgroup],
  main: `
  if (index >= u.n) { return; }
  let p = param[index];
  let g = u.sign * grad[index] + u.weightDecay * p;
  var b = g;
  // The buffer may hold anything at the first step, NaN too.
  if (u.firstStep == 0u) { b = u.momentum * momentumBuffer[index] + u.take * g; }
  momentumBuffer[index] = b;
  param[index] = p - u.lr * select(b, g + u.momentum * b, u.nesterov != 0u);`,
});

const adamOutputs = { param: 'f32', expAvg: 'f32', expAvgSq: 'f32' } as const;
const adamUniforms = {
  n: 'u32',
  sign: 'f32',
  coupled: 'f32',
  shrink: 'f32',
  beta1: 'f32',
  rest1: 'f32',
  beta2: 'f32',
  rest2: 'f32',
  rate: 'f32',
  unbias: 'f32',
  eps: 'f32',
} as const;
/** @param largest what becomes of `v`, the second moment, before it is used */
const adamMain = (largest: string) => `
  if (index >= u.n) { return; }
  let p = param[index];
  let g = u.sign * grad[index] + u.coupled * p;
  let m = u.beta1 * expAvg[index] + u.rest1 * g;
  var v = u.beta2 * expAvgSq[index] + u.rest2 * g * g;
  expAvg[index] = m;
  expAvgSq[index] = v;
${largest}
  param[index] = p * u.shrink - u.rate * m / (sqrt(v) * u.unbias + u.eps);`;

const adam = program({
  name: 'adamStep',
  inputs: { grad: 'f32' },
  outputs: adamOutputs,
  uniforms: adamUniforms,
  workgroup: [workgroup],
  main: adamMain(''),
});

const amsgradAdam = program({
  name: 'adamStep with amsgrad',
  inputs: { grad: 'f32' },
  outputs: { ...adamOutputs, maxExpAvgSq: 'f32' },
  uniforms: adamUniforms,
  workgroup: [workgroup],
  main: adamMain(`
  v = max(maxExpAvgSq[index], v);
  maxExpAvgSq[index] = v;`),
});

/** The formulas are the reference's. */
export const optim: KernelFamily<'sgdStep' | 'adamStep'> = (gpu) => ({
  sgdStep: ({ grad, param, momentumBuffer }, attrs) => {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize, firstStep } = attrs;
    const n = size(param);
    const groups = Math.ceil(n / workgroup);
    const plain = { n, lr, sign: maximize ? -1 : 1, weightDecay };
    if (!momentumBuffer || momentum === 0) {
      gpu.run(sgd, { grad, param }, plain, groups);
      return;
    }
    const uniforms = {
      momentum,
      take: 1 - dampening,
      nesterov: Number(nesterov),
      firstStep: Number(firstStep),
    };
    gpu.run(sgdMomentum, { grad, param, momentumBuffer }, { ...plain, ...uniforms }, groups);
  },
  adamStep: ({ grad, param, expAvg, expAvgSq, maxExpAvgSq }, attrs) => {
    const { lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, step } = attrs;
    const n = size(param);
    const groups = Math.ceil(n / workgroup);
    const buffers = { grad, param, expAvg, expAvgSq };
    const uniforms = {
      n,
      sign: maximize ? -1 : 1,
      coupled: decoupledWeightDecay ? 0 : weightDecay,
      shrink: decoupledWeightDecay ? 1 - lr * weightDecay : 1,
      beta1,
      rest1: 1 - beta1,
      beta2,
      rest2: 1 - beta2,
      rate: lr / (1 - beta1 ** step),
      unbias: 1 / Math.sqrt(1 - beta2 ** step),
      eps,
    };
    if (amsgrad && maxExpAvgSq) gpu.run(amsgradAdam, { ...buffers, maxExpAvgSq }, uniforms, groups);
    else gpu.run(adam, buffers, uniforms, groups);
  },
});
