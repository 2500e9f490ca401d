import type { Clamp } from '@octet/backend';
import type { BatchNorm1d, Conv1d } from '@octet/nn/modules';
import { RELU } from '../functional/int8';
import type { QConfig } from '../qconfig';
import { QatConv1d } from './conv1d';
import { folding } from './folding';

/**
 * 1-d convolution and batch normalisation, trained with the weight quantized as it will be: folded with the running variance.
 * s = γ / √(running_var + ε), W' = fakeQuant(W · s), y = BN(conv(x, W') / s + b): PyTorch's ConvBn1d (the paper:
 * https://arxiv.org/abs/1806.08342, section 3.2.2).
 */
export class QatConvBn1d extends /* @__PURE__ */ folding<Conv1d, BatchNorm1d>(QatConv1d) {
  static override readonly name: string = 'QatConvBn1d';
}

/** QatConvBn1d and ReLU or ReLU6. */
export class QatConvBnReLU1d extends QatConvBn1d {
  static override readonly name: string = 'QatConvBnReLU1d';
  declare readonly bounds: Clamp;

  /** `bounds` are those of the activation. */
  constructor(conv: Conv1d, bn: BatchNorm1d, qconfig: QConfig, bounds: Clamp = RELU) {
    super(conv, bn, qconfig, bounds);
  }
}
