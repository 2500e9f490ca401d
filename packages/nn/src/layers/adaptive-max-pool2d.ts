import { checkOptions, type Pair, requireFlag, requirePair } from '@octet/backend';
import { adaptiveMaxPool2d, adaptiveMaxPool2dWithIndices, type Tensor } from '@octet/tensor/functional';
import { repr, type Size2 } from '../arguments';
import { Module } from '../module';
import type { Pooled } from './pooled';

export interface AdaptiveMaxPool2dOptions<Indices extends boolean = boolean> {
  /** Whether calls give [y, indices]: the place h · W + w in its image of each maximum, int32. */
  returnIndices?: Indices;
}

/** The maxima of windows that spread evenly: x [N, C, H, W] → [N, C, ...outputSize]. */
export class AdaptiveMaxPool2d<Indices extends boolean = false> extends Module<[x: Tensor], Pooled<Indices>> {
  static override readonly name: string = 'AdaptiveMaxPool2d';
  static readonly pure = true;

  readonly outputSize: Pair;
  readonly returnIndices: boolean;

  constructor(outputSize: Size2, options: AdaptiveMaxPool2dOptions<Indices> = {}) {
    super();
    const { returnIndices = false } = checkOptions('AdaptiveMaxPool2d', options, 'returnIndices');
    this.outputSize = requirePair('AdaptiveMaxPool2d', 'outputSize', outputSize);
    this.returnIndices = requireFlag('AdaptiveMaxPool2d', 'returnIndices', returnIndices);
  }

  forward(x: Tensor): Pooled<Indices> {
    const pool = this.returnIndices ? adaptiveMaxPool2dWithIndices : adaptiveMaxPool2d;
    return pool(x, this.outputSize) as Pooled<Indices>;
  }

  override extraRepr(): string {
    return repr({ outputSize: this.outputSize, returnIndices: this.returnIndices || undefined });
  }
}
