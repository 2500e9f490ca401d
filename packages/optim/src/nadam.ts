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

export interface NAdamOptions {
  lr?: number;
  /** How slowly the averages of the gradient and of its square follow. */
  betas?: readonly [number, number];
  /** Added to the denominator. */
  eps?: number;
  weightDecay?: number;
  /** How the momentum grows with the steps. */
  momentumDecay?: number;
  /** Decay the weights themselves, as AdamW. */
  decoupledWeightDecay?: boolean;
  /** Climb instead of descending. */
  maximize?: boolean;
}

type NAdamHyperparameters = Hyperparameters & Required<NAdamOptions>;

interface NAdamState {
  step: number;
  muProduct: number;
  expAvg: Tensor;
  expAvgSq: Tensor;
}

/**
 * NAdam (Dozat, 2016) as PyTorch does it: at step t, with μₜ = β1 · (1 - 0.96^(t · momentumDecay) / 2) and Π the product of all μ so far
 *
 *     g = grad + weightDecay · p
 *     m = β1 · m + (1 - β1) · g,   v = β2 · v + (1 - β2) · g²
 *     p = p - lr · (g · (1 - μₜ) / (1 - Π) + m · μₜ₊₁ / (1 - Π · μₜ₊₁)) / (√(v / (1 - β2ᵗ)) + eps)
 *
 * @throws ArgumentError for negative values, or betas outside of 0 <= β < 1
 */
export class NAdam extends Optimizer<NAdamHyperparameters, NAdamState> {
  static override readonly name: string = 'NAdam';

  constructor(params: Params<NAdamHyperparameters>, options?: NAdamOptions) {
    const {
      lr = 2e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0,
      momentumDecay = 4e-3,
      decoupledWeightDecay = false,
      maximize = false,
    } = checkOptions(
      'NAdam',
      options,
      'lr betas eps weightDecay momentumDecay decoupledWeightDecay maximize',
    );
    super(params, { lr, betas, eps, weightDecay, momentumDecay, decoupledWeightDecay, maximize });
  }

  protected check({ lr, betas, eps, weightDecay, momentumDecay }: NAdamHyperparameters): void {
    for (const [name, value] of Object.entries({ lr, eps, weightDecay, momentumDecay }))
      requireValue(Number.isFinite(value) && value >= 0, 'NAdam', `${name} >= 0`, value);
    requireValue(
      Array.isArray(betas) && betas.every((b) => b >= 0 && b < 1),
      'NAdam',
      'betas in 0 <= β < 1',
      betas,
    );
  }

  protected stateKeys(): readonly string[] {
    return ['step', 'muProduct', 'expAvg', 'expAvgSq'];
  }

  protected override isNumber(name: string): boolean {
    return name === 'muProduct' || super.isNumber(name);
  }

  protected update(param: Tensor, grad: Tensor, group: ParamGroup<NAdamHyperparameters>): void {
    const { lr, betas, eps, weightDecay, momentumDecay, decoupledWeightDecay, maximize } = group;
    const zero = () => stateLike(param).fill_(0);
    const state = this.state.get(param) ?? { step: 0, muProduct: 1, expAvg: zero(), expAvgSq: zero() };
    state.step++;
    const [beta1, beta2] = betas;
    const muAt = (step: number) => beta1 * (1 - 0.5 * 0.96 ** (step * momentumDecay));
    const [mu, next] = [muAt(state.step), muAt(state.step + 1)];
    state.muProduct *= mu;
    this.state.set(param, state);
    const { step, muProduct, expAvg, expAvgSq } = state;
    noGrad(() =>
      scope(() => {
        const p = param.detach();
        let g = maximize ? grad.neg() : grad;
        if (decoupledWeightDecay) p.copy_(p.mul(1 - lr * weightDecay));
        else g = g.add(p.mul(weightDecay));
        expAvg.copy_(expAvg.mul(beta1).add(g.mul(1 - beta1)));
        expAvgSq.copy_(expAvgSq.mul(beta2).add(g.square().mul(1 - beta2)));
        const denominator = expAvgSq
          .mul(1 / (1 - beta2 ** step))
          .sqrt()
          .add(eps);
        const now = g.mul((lr * (1 - mu)) / (1 - muProduct));
        const ahead = expAvg.mul((lr * next) / (1 - muProduct * next));
        p.copy_(p.sub(now.add(ahead).div(denominator)));
      }),
    );
  }
}
