import { checkOptions, requireArray, requireNumbers } from '@octet/backend';
import { kernel, type Tensor } from '@octet/tensor';
import {
  type Hyperparameters,
  Optimizer,
  type ParamGroup,
  type Params,
  requireValue,
  stateLike,
} from './optimizer';

export interface AdamOptions {
  lr?: number;
  /** How slowly the averages of the gradient and of its square follow. */
  betas?: readonly [number, number];
  /** Added to the denominator. */
  eps?: number;
  weightDecay?: number;
  /** Divide by the largest average so far (Reddi et al., 2018). */
  amsgrad?: boolean;
  /** Climb instead of descending. */
  maximize?: boolean;
}

/** Their names, for checkOptions. */
export const adamOptions = 'lr betas eps weightDecay amsgrad maximize';

type AdamHyperparameters = Hyperparameters & Required<AdamOptions>;

interface AdamState {
  step: number;
  expAvg: Tensor;
  expAvgSq: Tensor;
  maxExpAvgSq?: Tensor;
}

/**
 * Adam (Kingma and Ba, 2015) as PyTorch does it: at step t
 *
 *     g = grad + weightDecay · p
 *     m = β1 · m + (1 - β1) · g,   v = β2 · v + (1 - β2) · g²
 *     p = p - lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + eps)
 *
 * @throws ArgumentError for negative values, or betas outside of 0 <= β < 1
 */
export class Adam extends Optimizer<AdamHyperparameters, AdamState> {
  static override readonly name: string = 'Adam';

  protected readonly decoupledWeightDecay: boolean = false;

  constructor(params: Params<AdamHyperparameters>, options?: AdamOptions) {
    const {
      lr = 1e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0,
      amsgrad = false,
      maximize = false,
    } = checkOptions('Adam', options, adamOptions);
    super(params, { lr, betas, eps, weightDecay, amsgrad, maximize });
  }

  protected check({ lr, betas, eps, weightDecay }: AdamHyperparameters): void {
    requireValue(Number.isFinite(lr) && lr >= 0, this.name, 'lr >= 0', lr);
    requireValue(
      Array.isArray(betas) && betas.every((b) => b >= 0 && b < 1),
      this.name,
      'betas in 0 <= β < 1',
      betas,
    );
    requireValue(Number.isFinite(eps) && eps >= 0, this.name, 'eps >= 0', eps);
    requireValue(
      Number.isFinite(weightDecay) && weightDecay >= 0,
      this.name,
      'weightDecay >= 0',
      weightDecay,
    );
  }

  protected stateKeys({ amsgrad }: AdamHyperparameters): readonly string[] {
    return ['step', 'expAvg', 'expAvgSq', ...(amsgrad ? ['maxExpAvgSq'] : [])];
  }

  protected update(param: Tensor, grad: Tensor, group: ParamGroup<AdamHyperparameters>): void {
    const { lr, betas, eps, weightDecay, amsgrad, maximize } = group;
    const zero = () => stateLike(param).fill_(0);
    const state = this.state.get(param) ?? { step: 0, expAvg: zero(), expAvgSq: zero() };
    if (amsgrad) state.maxExpAvgSq ??= zero();
    state.step++;
    this.state.set(param, state);
    const { step, expAvg, expAvgSq } = state;
    const maxExpAvgSq = amsgrad ? state.maxExpAvgSq : undefined;
    const { decoupledWeightDecay } = this;
    const [beta1, beta2] = betas;
    const attrs = { lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, step };
    kernel.run('adamStep', { grad }, { param, expAvg, expAvgSq, maxExpAvgSq }, attrs);
  }
}
