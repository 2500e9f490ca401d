/** Optimizers and learning rate schedules, as PyTorch's. */
export { Adam, type AdamOptions } from './adam';
export { AdamW } from './adamw';
export { CosineAnnealingLR } from './lr/cosine-annealing-lr';
export { ExponentialLR } from './lr/exponential-lr';
export { MultiStepLR } from './lr/multi-step-lr';
export { OneCycleLR, type OneCycleLROptions } from './lr/one-cycle-lr';
export { LRScheduler, type Scheduled, type SchedulerState } from './lr/scheduler';
export { StepLR } from './lr/step-lr';
export {
  type Hyperparameters,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
  type Params,
} from './optimizer';
export { SGD, type SGDOptions } from './sgd';
