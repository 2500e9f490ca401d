import { checkOptions } from '@octet/backend';
import { noGrad, scope, type Tensor } from '@octet/tensor';
import {
  type Hyperparameters,
  Optimizer,
  type ParamGroup,
  type Params,
  requireValue,
  stateLike,
} from './optimizer';

export interface AdagradOptions {
  lr?: number;
  /** How the rate falls with the steps. */
  lrDecay?: number;
  weightDecay?: number;
  /** What the sums of squares start from. */
  initialAccumulatorValue?: number;
  /** Added to the denominator. */
  eps?: number;
  /** Climb instead of descending. */
  maximize?: boolean;
}

type AdagradHyperparameters = Hyperparameters & Required<AdagradOptions>;

interface AdagradState {
  step: number;
  sum: Tensor;
}

/**
 * Adagrad (Duchi et al., 2011) as PyTorch does it: at step t
 *
 *     g = grad + weightDecay · p
 *     s = s + g²
 *     p = p - lr / (1 + (t - 1) · lrDecay) · g / (√s + eps)
 *
 * @throws ArgumentError for negative values
 */
export class Adagrad extends Optimizer<AdagradHyperparameters, AdagradState> {
  static override readonly name: string = 'Adagrad';

  constructor(params: Params<AdagradHyperparameters>, options?: AdagradOptions) {
    const {
      lr = 1e-2,
      lrDecay = 0,
      weightDecay = 0,
      initialAccumulatorValue = 0,
      eps = 1e-10,
      maximize = false,
    } = checkOptions('Adagrad', options, 'lr lrDecay weightDecay initialAccumulatorValue eps maximize');
    super(params, { lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize });
  }

  protected check(group: AdagradHyperparameters): void {
    const { lr, lrDecay, weightDecay, initialAccumulatorValue, eps } = group;
    for (const [name, value] of Object.entries({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps }))
      requireValue(Number.isFinite(value) && value >= 0, 'Adagrad', `${name} >= 0`, value);
  }

  protected stateKeys(): readonly string[] {
    return ['step', 'sum'];
  }

  protected update(param: Tensor, grad: Tensor, group: ParamGroup<AdagradHyperparameters>): void {
    const { lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize } = group;
    const state = this.state.get(param) ?? { step: 0, sum: stateLike(param).fill_(initialAccumulatorValue) };
    state.step++;
    this.state.set(param, state);
    const { step, sum } = state;
    noGrad(() =>
      scope(() => {
        const p = param.detach();
        const g = (maximize ? grad.neg() : grad).add(p.mul(weightDecay));
        sum.copy_(sum.add(g.square()));
        const rate = lr / (1 + (step - 1) * lrDecay);
        p.copy_(p.sub(g.div(sum.sqrt().add(eps)).mul(rate)));
      }),
    );
  }
}
