/** Optimizers and learning rate schedules, as PyTorch's. */
export { Adagrad, type AdagradOptions } from './adagrad';
export { Adam, type AdamOptions } from './adam';
export { AdamW } from './adamw';
export { ConstantLR, type ConstantLROptions } from './lr/constant-lr';
export { CosineAnnealingLR } from './lr/cosine-annealing-lr';
export {
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
} from './lr/cosine-annealing-warm-restarts';
export { CyclicLR, type CyclicLROptions } from './lr/cyclic-lr';
export { ExponentialLR } from './lr/exponential-lr';
export { LambdaLR, type LambdaLROptions, type LrLambda, MultiplicativeLR } from './lr/lambda-lr';
export { LinearLR, type LinearLROptions } from './lr/linear-lr';
export { MultiStepLR } from './lr/multi-step-lr';
export { OneCycleLR, type OneCycleLROptions } from './lr/one-cycle-lr';
export { PolynomialLR, type PolynomialLROptions } from './lr/polynomial-lr';
export {
  type PlateauState,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
} from './lr/reduce-lr-on-plateau';
export { LRScheduler, type Scheduled, type SchedulerState } from './lr/scheduler';
export { SequentialLR, type SequentialLROptions } from './lr/sequential-lr';
export { StepLR } from './lr/step-lr';
export { SWALR, type SWALROptions } from './lr/swa-lr';
export { NAdam, type NAdamOptions } from './nadam';
export {
  type Hyperparameters,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamState,
  type Params,
} from './optimizer';
export { RMSprop, type RMSpropOptions } from './rmsprop';
export { SGD, type SGDOptions } from './sgd';
