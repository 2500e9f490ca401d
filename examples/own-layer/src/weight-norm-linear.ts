/** A layer of one's own: in float, trained with its rounding simulated, in int8; and the rule that ties them together. */
import { Linear, Module, Parameter } from '@octet/nn';
import { type ModuleRule, type ObserverOrFakeQuant, type QConfig, quantized } from '@octet/quantization';
import { linear, ones, type Tensor } from '@octet/tensor';

/** A linear layer with weight normalisation (https://arxiv.org/abs/1602.07868): its weight is g · v / ‖v‖, row by row. */
export class WeightNormLinear extends Module {
  static override readonly name: string = 'WeightNormLinear';

  /** [outFeatures, inFeatures], of which only the direction of each row counts. */
  v: Parameter;
  /** [outFeatures], the length of each row. */
  g: Parameter;
  bias: Parameter | undefined;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
  ) {
    super();
    const start = new Linear(inFeatures, outFeatures);
    this.v = start.weight;
    this.g = new Parameter(ones([outFeatures]));
    this.bias = start.bias;
  }

  get weight(): Tensor {
    const length = this.v.square().sum([1]).sqrt();
    return this.v.mul(this.g.div(length).reshape([-1, 1]));
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/** It trains with the weight rounded as it will be. */
class QatWeightNormLinear extends WeightNormLinear {
  static override readonly name: string = 'QatWeightNormLinear';

  /** By this name `Conversion.weight` finds it. */
  readonly weightFakeQuant: ObserverOrFakeQuant;

  constructor(float: WeightNormLinear, qconfig: QConfig) {
    super(float.inFeatures, float.outFeatures);
    this.v = float.v;
    this.g = float.g;
    this.bias = float.bias;
    this.qconfig = qconfig;
    this.training = float.training;
    this.weightFakeQuant = qconfig.weight();
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weightFakeQuant.call(this.weight), this.bias);
  }

  toFloat(): WeightNormLinear {
    const float = new WeightNormLinear(this.inFeatures, this.outFeatures).train(this.training);
    float.v = this.v;
    float.g = this.g;
    float.bias = this.bias;
    return float;
  }
}

/** In int8 the weight is what it is: v and g are gone. */
class QuantizedWeightNormLinear extends quantized.Linear {
  static override readonly name: string = 'QuantizedWeightNormLinear';
}

export const weightNormLinear: ModuleRule = {
  float: WeightNormLinear,
  qat: { type: QatWeightNormLinear, from: (float: WeightNormLinear, q) => new QatWeightNormLinear(float, q) },
  observe: true,
  int8: async ({ weight, bias }: WeightNormLinear, at) =>
    new QuantizedWeightNormLinear(
      await at.weight(weight),
      await at.bias(bias),
      await at.output(),
    ).withHostBias(at.path),
};
