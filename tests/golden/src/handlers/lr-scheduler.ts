import { CosineAnnealingLR, ExponentialLR, MultiStepLR, OneCycleLR, SGD, StepLR } from '@octet/optim';
import { zeros } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { camelCase } from './names';

const schedulers = { CosineAnnealingLR, ExponentialLR, MultiStepLR, OneCycleLR, StepLR };

interface Params {
  scheduler: keyof typeof schedulers;
  kwargs: object;
  lr: number;
  momentum: number;
  steps: number;
}

/** The rate and momentum that each step uses. */
export const lrScheduler: Handler<Params> = ({ params: { scheduler, kwargs, lr, momentum, steps } }) => {
  const optimizer = new SGD([zeros([1], { requiresGrad: true })], { lr, momentum });
  const schedule = new schedulers[scheduler](optimizer, camelCase(kwargs) as never);
  const [group] = optimizer.paramGroups;
  const out = { lr: [] as number[], momentum: [] as number[] };
  for (let step = 0; step < steps; step++) {
    out.lr.push(group.lr);
    out.momentum.push(group.momentum);
    schedule.step();
  }
  return out;
};
