import { checkOptions, requireType } from '@octet/backend';
import { full, prelu, type Tensor } from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { constant_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface PReLUOptions {
  /** What the slopes begin with. */
  init?: number;
}

/**
 * x where x > 0, weight · x elsewhere; the slopes are learned, one, or one for each channel of x [N, C, …]: He et al., 2015.
 * @throws ArgumentError unless numParameters is a whole number and init a number
 */
export class PReLU extends Module {
  static override readonly name: string = 'PReLU';
  static readonly pure = true;

  readonly numParameters: number;
  readonly init: number;
  weight: Parameter;

  constructor(numParameters = 1, options: PReLUOptions = {}) {
    super();
    const { init = 0.25 } = checkOptions('PReLU', options, 'init');
    this.numParameters = requireInteger('PReLU', 'numParameters', numParameters);
    this.init = requireType('PReLU', 'init', init, 'number');
    this.weight = new Parameter(full([numParameters], init));
  }

  resetParameters(): void {
    constant_(this.weight, this.init);
  }

  /** @throws ShapeError unless x has as many channels as there are slopes */
  forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }

  override extraRepr(): string {
    return repr({ numParameters: this.numParameters });
  }
}
