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

export interface RMSpropOptions {
  lr?: number;
  /** How slowly the average of the squares follows. */
  alpha?: number;
  /** Added to the denominator. */
  eps?: number;
  weightDecay?: number;
  momentum?: number;
  /** Divide by the deviation from the average gradient in place of the root mean square. */
  centered?: boolean;
  /** Climb instead of descending. */
  maximize?: boolean;
}

type RMSpropHyperparameters = Hyperparameters & Required<RMSpropOptions>;

interface RMSpropState {
  step: number;
  squareAvg: Tensor;
  momentumBuffer?: Tensor;
  gradAvg?: Tensor;
}

/**
 * RMSprop (Tieleman and Hinton, 2012) as PyTorch does it:
 *
 *     g = grad + weightDecay · p
 *     v = alpha · v + (1 - alpha) · g²
 *     d = g / (√v + eps)                  (centered: √(v - a²), a = alpha · a + (1 - alpha) · g)
 *     p = p - lr · d                      (momentum: b = momentum · b + d in the place of d)
 *
 * @throws ArgumentError for negative values
 */
export class RMSprop extends Optimizer<RMSpropHyperparameters, RMSpropState> {
  static override readonly name: string = 'RMSprop';

  constructor(params: Params<RMSpropHyperparameters>, options?: RMSpropOptions) {
    const {
      lr = 1e-2,
      alpha = 0.99,
      eps = 1e-8,
      weightDecay = 0,
      momentum = 0,
      centered = false,
      maximize = false,
    } = checkOptions('RMSprop', options, 'lr alpha eps weightDecay momentum centered maximize');
    super(params, { lr, alpha, eps, weightDecay, momentum, centered, maximize });
  }

  protected check({ lr, alpha, eps, weightDecay, momentum }: RMSpropHyperparameters): void {
    for (const [name, value] of Object.entries({ lr, alpha, eps, weightDecay, momentum }))
      requireValue(Number.isFinite(value) && value >= 0, 'RMSprop', `${name} >= 0`, value);
  }

  protected stateKeys({ momentum, centered }: RMSpropHyperparameters): readonly string[] {
    return [
      'step',
      'squareAvg',
      ...(momentum > 0 ? ['momentumBuffer'] : []),
      ...(centered ? ['gradAvg'] : []),
    ];
  }

  protected update(param: Tensor, grad: Tensor, group: ParamGroup<RMSpropHyperparameters>): void {
    const { lr, alpha, eps, weightDecay, momentum, centered, maximize } = group;
    const zero = () => stateLike(param).fill_(0);
    const state = this.state.get(param) ?? { step: 0, squareAvg: zero() };
    if (momentum > 0) state.momentumBuffer ??= zero();
    if (centered) state.gradAvg ??= zero();
    state.step++;
    this.state.set(param, state);
    const { squareAvg, gradAvg, momentumBuffer } = state;
    noGrad(() =>
      scope(() => {
        const p = param.detach();
        const g = (maximize ? grad.neg() : grad).add(p.mul(weightDecay));
        squareAvg.copy_(squareAvg.mul(alpha).add(g.square().mul(1 - alpha)));
        let squares = squareAvg;
        if (centered && gradAvg) {
          gradAvg.copy_(gradAvg.mul(alpha).add(g.mul(1 - alpha)));
          squares = squareAvg.sub(gradAvg.square());
        }
        const d = g.div(squares.sqrt().add(eps));
        if (momentum > 0 && momentumBuffer) {
          momentumBuffer.copy_(momentumBuffer.mul(momentum).add(d));
          p.copy_(p.sub(momentumBuffer.mul(lr)));
        } else p.copy_(p.sub(d.mul(lr)));
      }),
    );
  }
}
