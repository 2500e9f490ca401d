import type { Tensor } from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';
import { type SizeOf, type Sizes, sizesOf } from './conv-nd';

/** Of windows of pools. */
export interface PoolOptions<S extends Sizes> {
  /** The kernel size unless given. */
  stride?: SizeOf<S>;
  padding?: SizeOf<S>;
}

/** What pools with windows of one size have in common: PyTorch's `_MaxPoolNd`, `_AvgPoolNd` and `_MaxUnpoolNd`. */
export abstract class PoolNd<S extends Sizes, Args extends unknown[], Out> extends Module<Args, Out> {
  static override readonly name: string = 'PoolNd';

  readonly kernelSize: S;
  readonly stride: S;
  readonly padding: S;

  /** @throws ArgumentError for a size that is no whole number, or less than 1 (padding: 0) */
  constructor(
    op: string,
    rank: 1 | 2,
    kernelSize: SizeOf<S>,
    { stride = kernelSize, padding = 0 }: PoolOptions<S>,
  ) {
    super();
    this.kernelSize = sizesOf(op, rank, 'kernelSize', kernelSize, 1);
    this.stride = sizesOf(op, rank, 'stride', stride, 1);
    this.padding = sizesOf(op, rank, 'padding', padding, 0);
  }

  /** What is printed beside the sizes: what isn't undefined. */
  protected get more(): Readonly<Record<string, unknown>> {
    return {};
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return repr({ kernelSize, stride, padding, ...this.more });
  }
}

/** What pools to an output of a given size have in common: PyTorch's `_AdaptiveAvgPoolNd` and `_AdaptiveMaxPoolNd`. */
export abstract class AdaptivePoolNd<S extends Sizes, Out> extends Module<[x: Tensor], Out> {
  static override readonly name: string = 'AdaptivePoolNd';

  readonly outputSize: S;

  /** @throws ArgumentError for a size that is no whole number, or less than 1 */
  constructor(op: string, rank: 1 | 2, outputSize: SizeOf<S>) {
    super();
    this.outputSize = sizesOf(op, rank, 'outputSize', outputSize, 1);
  }

  override extraRepr(): string {
    return repr({ outputSize: this.outputSize });
  }
}
