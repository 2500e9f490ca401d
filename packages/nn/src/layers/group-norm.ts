import { ArgumentError, checkOptions } from '@octet/backend';
import { groupNorm, ones, type Tensor, zeros } from '@octet/tensor/functional';
import { repr, requireInteger, requireRange } from '../arguments';
import { ones_, zeros_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface GroupNormOptions {
  eps?: number;
  /** Whether there are a weight and a bias to learn, one number for each channel. */
  affine?: boolean;
}

/**
 * `(x - mean) / √(var + eps) · weight + bias` of x [N, C, …] over each of `numGroups` groups of channels of each sample: Wu and He, 2018.
 * @throws ArgumentError unless the groups divide the channels
 */
export class GroupNorm extends Module {
  static override readonly name: string = 'GroupNorm';
  static readonly pure = true;

  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  weight: Parameter | undefined;
  bias: Parameter | undefined;

  constructor(numGroups: number, numChannels: number, options: GroupNormOptions = {}) {
    super();
    const { eps = 1e-5, affine = true } = checkOptions('GroupNorm', options, 'eps affine');
    this.numGroups = requireInteger('GroupNorm', 'numGroups', numGroups);
    this.numChannels = requireInteger('GroupNorm', 'numChannels', numChannels);
    if (numChannels % numGroups !== 0) {
      throw new ArgumentError({
        op: 'GroupNorm',
        expected: 'numGroups to divide numChannels',
        found: `${numGroups} and ${numChannels}`,
        fix: 'Each group has the same number of channels.',
      });
    }
    this.eps = requireRange('GroupNorm', 'eps', eps, 0);
    this.affine = affine;
    this.weight = affine ? new Parameter(ones([numChannels])) : undefined;
    this.bias = affine ? new Parameter(zeros([numChannels])) : undefined;
  }

  resetParameters(): void {
    if (this.weight) ones_(this.weight);
    if (this.bias) zeros_(this.bias);
  }

  /** @throws ShapeError unless x has the channels */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, affine } = this;
    return `${numGroups}, ${numChannels}, ${repr({ eps, affine })}`;
  }
}
