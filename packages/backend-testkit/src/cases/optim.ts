import type { AdamAttrs, SgdAttrs } from '@octet/backend';
import { type CasesOf, close, floats, full } from './case';

const sizes = [1, 7, 67];

const sgd: SgdAttrs = {
  lr: 0.1,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
  firstStep: false,
};
const sgdVariants: Record<string, Partial<SgdAttrs>> = {
  plain: {},
  'weight decay': { weightDecay: 0.01 },
  maximize: { maximize: true, weightDecay: 0.01 },
  momentum: { momentum: 0.9 },
  'momentum, first step': { momentum: 0.9, dampening: 0.5, firstStep: true },
  dampening: { momentum: 0.9, dampening: 0.1 },
  nesterov: { momentum: 0.9, nesterov: true, weightDecay: 0.01 },
  'another rate': { lr: 0.02, momentum: 0.5 },
  'nesterov, first step, maximize': { momentum: 0.9, nesterov: true, firstStep: true, maximize: true },
};

const adam: AdamAttrs = {
  lr: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  decoupledWeightDecay: false,
  amsgrad: false,
  maximize: false,
  step: 3,
};
const adamVariants: Record<string, Partial<AdamAttrs>> = {
  plain: {},
  'first step': { step: 1 },
  'weight decay': { weightDecay: 0.1, beta2: 0.99 },
  'decoupled weight decay': { weightDecay: 0.1, decoupledWeightDecay: true },
  amsgrad: { amsgrad: true },
  maximize: { maximize: true, step: 1000 },
  'other constants': { lr: 0.2, beta1: 0.6, eps: 0.1 },
};

export const optimCases: CasesOf<'sgdStep' | 'adamStep'> = {
  sgdStep: () =>
    sizes.flatMap((n) =>
      Object.entries(sgdVariants).map(([name, change]) => {
        const attrs = { ...sgd, ...change };
        return {
          name: `${name}, n = ${n}`,
          inputs: { grad: floats(1, [n]) },
          outputs: {
            param: floats(2, [n]),
            momentumBuffer: attrs.momentum === 0 ? undefined : floats(3, [n]),
          },
          attrs,
          tolerance: close,
        };
      }),
    ),
  adamStep: () =>
    sizes.flatMap((n) =>
      Object.entries(adamVariants).map(([name, change]) => {
        const attrs = { ...adam, ...change };
        const first = attrs.step === 1;
        return {
          name: `${name}, n = ${n}`,
          inputs: { grad: floats(1, [n]) },
          outputs: {
            param: floats(2, [n]),
            expAvg: first ? full('float32', [n], 0) : floats(3, [n]),
            expAvgSq: first ? full('float32', [n], 0) : floats(4, [n], 0.1, 2),
            maxExpAvgSq: attrs.amsgrad ? floats(5, [n], 0.1, 2) : undefined,
          },
          attrs,
          tolerance: close,
        };
      }),
    ),
};
