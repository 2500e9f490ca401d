import { optimizerBlock as block } from '../generated/constants';
import { size, type WasmKernel } from '../kernel';

/** Units worth a thread. */
const grain = 16;

export const sgdStep: WasmKernel<'sgdStep'> = (cx, { grad, param, momentumBuffer }, attrs) => {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize, firstStep } = attrs;
  const n = size(param);
  const sign = maximize ? -1 : 1;
  const units = Math.ceil(n / block);
  const plain = {
    ...{ grad: cx.address(grad), param: cx.address(param) },
    ...{ n, sign, decay: weightDecay, rate: lr },
  };
  if (!momentumBuffer || momentum === 0) {
    cx.parallel('sgdPlain', plain, units, grain);
    return;
  }
  const buffer = cx.address(momentumBuffer);
  const args = { ...plain, buffer, momentum, take: 1 - dampening, nesterov, first: firstStep };
  cx.parallel('sgdMomentum', args, units, grain);
};

export const adamStep: WasmKernel<'adamStep'> = (cx, t, attrs) => {
  const { lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, step } = attrs;
  const n = size(t.param);
  const args = {
    ...{ grad: cx.address(t.grad), param: cx.address(t.param) },
    ...{ average: cx.address(t.expAvg), square: cx.address(t.expAvgSq) },
    maxSquare: cx.addressIfAny(amsgrad ? t.maxExpAvgSq : undefined),
    ...{ n, sign: maximize ? -1 : 1 },
    decay: decoupledWeightDecay ? 0 : weightDecay,
    shrink: decoupledWeightDecay ? 1 - lr * weightDecay : 1,
    ...{ beta1, take1: 1 - beta1, beta2, take2: 1 - beta2 },
    ...{ rate: lr / (1 - beta1 ** step), unbias: 1 / Math.sqrt(1 - beta2 ** step), eps },
  };
  cx.parallel('adam', args, Math.ceil(n / block), grain);
};
