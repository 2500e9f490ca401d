import type { Clamp } from '@octet/backend';
import { Conv2d } from '@octet/nn/modules';
import { RELU } from '../functional/int8';
import type { QConfig } from '../qconfig';
import { fakeQuantized } from './fake-quantized';

/** A convolution whose weight is fake-quantized. */
export class QatConv2d extends /* @__PURE__ */ fakeQuantized(Conv2d) {
  static override readonly name: string = 'QatConv2d';
}

/** A convolution whose weight is fake-quantized, and ReLU or ReLU6. */
export class QatConvReLU2d extends QatConv2d {
  static override readonly name: string = 'QatConvReLU2d';
  declare readonly bounds: Clamp;

  /** `bounds` are those of the activation. */
  constructor(conv: Conv2d, qconfig: QConfig, bounds: Clamp = RELU) {
    super(conv, qconfig, bounds);
  }
}
