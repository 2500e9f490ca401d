import { checkOptions } from '@octet/backend';
import { Adam, type AdamOptions, adamOptions } from './adam';

/**
 * Adam with the weight decay apart from the gradient, `p = p - lr · weightDecay · p` before each step: Loshchilov and
 * Hutter, 2019. @throws as Adam
 */
export class AdamW extends Adam {
  static override readonly name: string = 'AdamW';

  protected override readonly decoupledWeightDecay = true;

  constructor(params: ConstructorParameters<typeof Adam>[0], options?: AdamOptions) {
    super(params, { weightDecay: 0.01, ...checkOptions('AdamW', options, adamOptions) });
  }
}
