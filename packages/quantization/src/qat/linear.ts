import type { Clamp } from '@octet/backend';
import { Linear } from '@octet/nn/modules';
import { RELU } from '../functional/int8';
import type { QConfig } from '../qconfig';
import { fakeQuantized } from './fake-quantized';

/** A linear layer whose weight is fake-quantized. */
export class QatLinear extends /* @__PURE__ */ fakeQuantized(Linear) {
  static override readonly name: string = 'QatLinear';
}

/** A linear layer whose weight is fake-quantized, and ReLU or ReLU6. */
export class QatLinearReLU extends QatLinear {
  static override readonly name: string = 'QatLinearReLU';
  declare readonly bounds: Clamp;

  /** `bounds` are those of the activation. */
  constructor(layer: Linear, qconfig: QConfig, bounds: Clamp = RELU) {
    super(layer, qconfig, bounds);
  }
}
