import { Buffer, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm, Parameter } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import type { OutputQparams } from '../functional/int8';
import { quantizedGroupNorm, quantizedLayerNorm } from '../functional/norm';
import { QuantizedOutput } from './with-output';

interface Affine {
  weight: Tensor | undefined;
  bias: Tensor | undefined;
}

/** What the normalisations on integers have in common: weight and bias in float32. */
abstract class QuantizedNorm extends QuantizedOutput {
  weight: Buffer | undefined;
  bias: Buffer | undefined;

  constructor({ weight, bias }: Affine, output: OutputQparams) {
    super(output);
    this.weight = weight && new Buffer(weight.detach());
    this.bias = bias && new Buffer(bias.detach());
  }

  /** A float layer with the same weight and bias. */
  protected fill<L extends LayerNorm | GroupNorm | InstanceNorm1d | InstanceNorm2d>(layer: L): L {
    layer.weight = this.weight && new Parameter(this.weight);
    layer.bias = this.bias && new Parameter(this.bias);
    return layer.train(this.training) as L;
  }
}

/** Layer normalisation on integers. */
export class QuantizedLayerNorm extends QuantizedNorm {
  static override readonly name: string = 'QuantizedLayerNorm';
  static readonly pure = true;

  readonly normalizedShape: readonly number[];
  readonly eps: number;

  constructor(norm: LayerNorm, output: OutputQparams) {
    super(norm, output);
    this.normalizedShape = norm.normalizedShape;
    this.eps = norm.eps;
  }

  override forward(x: Tensor): Tensor {
    return quantizedLayerNorm(x, this.normalizedShape, this.weight, this.bias, this.eps, this);
  }

  toFloat(): LayerNorm {
    return this.fill(new LayerNorm(this.normalizedShape, { eps: this.eps }));
  }
}

/** Group normalisation on integers. */
export class QuantizedGroupNorm extends QuantizedNorm {
  static override readonly name: string = 'QuantizedGroupNorm';
  static readonly pure = true;

  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;

  constructor(norm: GroupNorm, output: OutputQparams) {
    super(norm, output);
    this.numGroups = norm.numGroups;
    this.numChannels = norm.numChannels;
    this.eps = norm.eps;
  }

  override forward(x: Tensor): Tensor {
    return quantizedGroupNorm(x, this.numGroups, this.weight, this.bias, this.eps, this);
  }

  toFloat(): GroupNorm {
    return this.fill(new GroupNorm(this.numGroups, this.numChannels, { eps: this.eps }));
  }
}

/** Instance normalisation of x [N, C, L] on integers, by each sample's own statistics, as PyTorch's. */
export class QuantizedInstanceNorm1d extends QuantizedNorm {
  static override readonly name: string = 'QuantizedInstanceNorm1d';
  static readonly pure = true;

  readonly numFeatures: number;
  readonly eps: number;

  constructor(norm: InstanceNorm1d | InstanceNorm2d, output: OutputQparams) {
    super(norm, output);
    this.numFeatures = norm.numFeatures;
    this.eps = norm.eps;
  }

  override forward(x: Tensor): Tensor {
    return quantizedGroupNorm(x, this.numFeatures, this.weight, this.bias, this.eps, this);
  }

  toFloat(): InstanceNorm1d | InstanceNorm2d {
    return this.fill(new InstanceNorm1d(this.numFeatures, { eps: this.eps, affine: !!this.weight }));
  }
}

/** Instance normalisation of x [N, C, H, W] on integers. */
export class QuantizedInstanceNorm2d extends QuantizedInstanceNorm1d {
  static override readonly name: string = 'QuantizedInstanceNorm2d';

  override toFloat(): InstanceNorm2d {
    return this.fill(new InstanceNorm2d(this.numFeatures, { eps: this.eps, affine: !!this.weight }));
  }
}
