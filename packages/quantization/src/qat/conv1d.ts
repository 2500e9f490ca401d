import type { Clamp } from '@octet/backend';
import { Conv1d } from '@octet/nn/modules';
import { RELU } from '../functional/int8';
import type { QConfig } from '../qconfig';
import { fakeQuantized } from './fake-quantized';

/** A 1-d convolution whose weight is fake-quantized. */
export class QatConv1d extends /* @__PURE__ */ fakeQuantized(Conv1d) {
  static override readonly name: string = 'QatConv1d';
}

/** A 1-d convolution whose weight is fake-quantized, and ReLU or ReLU6. */
export class QatConvReLU1d extends QatConv1d {
  static override readonly name: string = 'QatConvReLU1d';
  declare readonly bounds: Clamp;

  /** `bounds` are those of the activation. */
  constructor(conv: Conv1d, qconfig: QConfig, bounds: Clamp = RELU) {
    super(conv, qconfig, bounds);
  }
}
