import { AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, Module } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';

/** The layers that average windows. */
export type AveragingLayer = AvgPool1d | AvgPool2d | AdaptiveAvgPool1d | AdaptiveAvgPool2d;

const classes: readonly unknown[] = [AvgPool1d, AvgPool2d, AdaptiveAvgPool1d, AdaptiveAvgPool2d];

/** Whether a module is one of the layers that average windows, and no subclass. */
export function isAveragingLayer(module: object | undefined): module is AveragingLayer {
  return classes.includes(module?.constructor);
}

/**
 * An average pool whose int8 form has a scale of its own: `prepareFx` puts it in the pool's place. Averages lie closer together than what they are
 * of. A pool by itself keeps its input's scale, as PyTorch's does.
 */
export class AveragePool extends Module {
  static override readonly name: string = 'AveragePool';
  static readonly pure = true;

  constructor(readonly pool: AveragingLayer) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return this.pool.call(x);
  }
}
