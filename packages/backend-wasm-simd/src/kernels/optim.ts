import { size, type WasmKernel } from '../kernel';

/** Elements of a unit, as in assembly/optim.ts, and units worth a thread. */
const block = 1024;
const grain = 16;

export const sgdStep: WasmKernel<'sgdStep'> = (cx, { grad, param, momentumBuffer }, attrs) => {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize, firstStep } = attrs;
  const n = size(param);
  const sign = maximize ? -1 : 1;
  const units = Math.ceil(n / block);
  if (!momentumBuffer || momentum === 0) {
    cx.parallel('sgdPlain', [cx.address(grad), cx.address(param), n, sign, weightDecay, lr], units, grain);
    return;
  }
  const args = [cx.address(grad), cx.address(param), cx.address(momentumBuffer), n, sign, weightDecay, lr];
  args.push(momentum, 1 - dampening, nesterov ? 1 : 0, firstStep ? 1 : 0);
  cx.parallel('sgdMomentum', args, units, grain);
};

export const adamStep: WasmKernel<'adamStep'> = (cx, t, attrs) => {
  const { lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, step } = attrs;
  const n = size(t.param);
  const args = [cx.address(t.grad), cx.address(t.param), cx.address(t.expAvg), cx.address(t.expAvgSq)];
  args.push(amsgrad && t.maxExpAvgSq ? cx.address(t.maxExpAvgSq) : 0, n, maximize ? -1 : 1);
  args.push(decoupledWeightDecay ? 0 : weightDecay, decoupledWeightDecay ? 1 - lr * weightDecay : 1);
  args.push(beta1, 1 - beta1, beta2, 1 - beta2);
  args.push(lr / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step), eps);
  cx.parallel('adam', args, Math.ceil(n / block), grain);
};
