import { checkOptions } from '@octet/backend';
import { Buffer } from '@octet/nn/modules';
import { perTensorQParams, type Tensor, tensor } from '@octet/tensor/functional';
import type { QparamTensors } from '../functional/observe';
import { Observer, type ObserverOptions, observerOptions } from './base';

export interface FixedQParamsOptions extends ObserverOptions {
  scale: number;
  zeroPoint: number;
}

/** Always says the same scale and zero point: for outputs whose range is known, like a sigmoid's. */
export class FixedQParamsObserver extends Observer {
  static override readonly name: string = 'FixedQParamsObserver';
  static readonly pure = true;

  readonly scale: Buffer;
  readonly zeroPoint: Buffer;

  constructor(options: FixedQParamsOptions) {
    const { scale, zeroPoint, ...rest } = checkOptions(
      new.target.name,
      options,
      `scale zeroPoint ${observerOptions}`,
    );
    super(rest);
    perTensorQParams('FixedQParamsObserver', this.dtype, scale, zeroPoint);
    this.scale = new Buffer(tensor([scale]));
    this.zeroPoint = new Buffer(tensor([zeroPoint], { dtype: 'int32' }));
    this.observed = true;
  }

  override forward(x: Tensor): Tensor {
    return x;
  }

  override calculateQparams(): QparamTensors {
    return { scale: this.scale, zeroPoint: this.zeroPoint };
  }
}
