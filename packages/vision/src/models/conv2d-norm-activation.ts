import { checkOptions } from '@octet/backend';
import { BatchNorm2d, Conv2d, type Module, ReLU, ReLU6, Sequential } from '@octet/nn';
import { fuseLayers } from '../fuse-layers';

/** A class of layers without arguments, as `ReLU`. */
export type LayerClass = new () => Module;

export interface Conv2dNormActivationOptions {
  /** Odd, so that padding keeps the size. */
  kernelSize?: number;
  stride?: number;
  groups?: number;
  /** The class of the last layer; `null` for none. */
  activation?: LayerClass | null;
  /** Of the batch normalisation. */
  eps?: number;
  /** Of the batch normalisation. */
  momentum?: number;
}

/**
 * Convolution (padding that keeps the size, no bias), batch normalisation and an activation, ReLU by default: [N, nIn, H, W] →
 * [N, nOut, H / stride, W / stride], rounded up.
 */
export class Conv2dNormActivation extends Sequential {
  static override readonly name: string = 'Conv2dNormActivation';

  constructor(nIn: number, nOut: number, options?: Conv2dNormActivationOptions) {
    const {
      kernelSize = 3,
      stride = 1,
      groups = 1,
      activation: Activation = ReLU,
      eps = 1e-5,
      momentum = 0.1,
    } = checkOptions('Conv2dNormActivation', options, 'kernelSize stride groups activation eps momentum');
    const padding = Math.floor((kernelSize - 1) / 2);
    super(
      new Conv2d(nIn, nOut, kernelSize, { stride, padding, groups, bias: false }),
      new BatchNorm2d(nOut, { eps, momentum }),
      ...(Activation ? [new Activation()] : []),
    );
  }

  /** Fuses what fuses: all three where a ReLU or ReLU6 ends them, else the first two. */
  fuseModel(): void {
    fuseLayers(this, this[2] instanceof ReLU || this[2] instanceof ReLU6 ? ['0', '1', '2'] : ['0', '1']);
  }
}
