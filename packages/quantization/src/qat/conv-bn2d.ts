import type { Clamp } from '@octet/backend';
import type { BatchNorm2d, Conv2d } from '@octet/nn/modules';
import { RELU } from '../functional/int8';
import type { QConfig } from '../qconfig';
import { QatConv2d } from './conv2d';
import { folding } from './folding';

/**
 * Convolution and batch normalisation, trained with the weight quantized as it will be: folded with the running variance.
 * s = γ / √(running_var + ε), W' = fakeQuant(W · s), y = BN(conv(x, W') / s + b): PyTorch's ConvBn2d (the paper:
 * https://arxiv.org/abs/1806.08342, section 3.2.2).
 */
export class QatConvBn2d extends /* @__PURE__ */ folding<Conv2d, BatchNorm2d>(QatConv2d) {
  static override readonly name: string = 'QatConvBn2d';
}

/** QatConvBn2d and ReLU or ReLU6. */
export class QatConvBnReLU2d extends QatConvBn2d {
  static override readonly name: string = 'QatConvBnReLU2d';
  declare readonly bounds: Clamp;

  /** `bounds` are those of the activation. */
  constructor(conv: Conv2d, bn: BatchNorm2d, qconfig: QConfig, bounds: Clamp = RELU) {
    super(conv, bn, qconfig, bounds);
  }
}
