import { checkOptions, requireNumbers } from '@octet/backend';
import { kernel, type Tensor } from '@octet/tensor';
import {
  type Hyperparameters,
  Optimizer,
  type ParamGroup,
  type Params,
  requireValue,
  stateLike,
} from './optimizer';

export interface SGDOptions {
  lr: number;
  momentum?: number;
  /** How much of each gradient stays out of the momentum. */
  dampening?: number;
  /** L2 penalty. */
  weightDecay?: number;
  nesterov?: boolean;
  /** Climb instead of descending. */
  maximize?: boolean;
}

type SGDHyperparameters = Hyperparameters & Required<SGDOptions>;

interface SGDState {
  momentumBuffer: Tensor;
}

/**
 * Stochastic gradient descent as PyTorch does it:
 *
 *     g = grad + weightDecay · p
 *     b = momentum · b + (1 - dampening) · g       (the first b is g)
 *     p = p - lr · b                               (nesterov: g + momentum · b in the place of b)
 *
 * @throws ArgumentError for negative values, or nesterov without momentum or with dampening
 */
export class SGD extends Optimizer<SGDHyperparameters, SGDState> {
  static override readonly name: string = 'SGD';

  constructor(params: Params<SGDHyperparameters>, options: SGDOptions) {
    const {
      lr,
      momentum = 0,
      dampening = 0,
      weightDecay = 0,
      nesterov = false,
      maximize = false,
    } = checkOptions('SGD', options, 'lr momentum dampening weightDecay nesterov maximize');
    super(params, { lr, momentum, dampening, weightDecay, nesterov, maximize });
  }

  protected check({ lr, momentum, dampening, weightDecay, nesterov }: SGDHyperparameters): void {
    requireValue(Number.isFinite(lr) && lr >= 0, 'SGD', 'lr >= 0', lr);
    requireValue(Number.isFinite(momentum) && momentum >= 0, 'SGD', 'momentum >= 0', momentum);
    requireValue(Number.isFinite(weightDecay) && weightDecay >= 0, 'SGD', 'weightDecay >= 0', weightDecay);
    requireValue(
      !nesterov || (momentum > 0 && dampening === 0),
      'SGD',
      'a momentum and no dampening with nesterov',
      `momentum ${momentum}, dampening ${dampening}`,
    );
  }

  protected stateKeys({ momentum }: SGDHyperparameters): readonly string[] {
    return momentum === 0 ? [] : ['momentumBuffer'];
  }

  protected update(param: Tensor, grad: Tensor, group: ParamGroup<SGDHyperparameters>): void {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group;
    const firstStep = momentum !== 0 && !this.state.has(param);
    if (firstStep) this.state.set(param, { momentumBuffer: stateLike(param) });
    const momentumBuffer = momentum === 0 ? undefined : this.state.get(param)?.momentumBuffer;
    const attrs = { lr, momentum, dampening, weightDecay, nesterov, maximize, firstStep };
    kernel.run('sgdStep', { grad }, { param, momentumBuffer }, attrs);
  }
}
