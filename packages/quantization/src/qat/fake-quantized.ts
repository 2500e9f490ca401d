import type { Clamp } from '@octet/backend';
import { Conv1d, Linear, type Module } from '@octet/nn/modules';
import { linear, type Tensor, tidy } from '@octet/tensor/functional';
import { type Conv, convolve, floatConv, floatConv1d, floatLinear } from '../float-layers';
import { ConvReLU1d, ConvReLU2d, LinearReLU } from '../intrinsic';
import { rectifierOf } from '../intrinsic/rectifier';
import type { QConfig } from '../qconfig';
import type { ObserverOrFakeQuant } from '../with-args';

/** The layers whose weight can be trained as it will be quantized. */
export type TrainedLayer = Conv | Linear;

/** What a layer with a fake-quantized weight has beside what the float layer has: PyTorch's nn.qat modules. */
export interface FakeQuantized {
  readonly weightFakeQuant: ObserverOrFakeQuant;
  /** The bounds of the output, where a ReLU or ReLU6 belongs to the layer. */
  readonly bounds: Clamp | undefined;
  /** The float layer that it trains, batch normalisation folded in; with its activation, if it has one. */
  toFloat(): Module;
}

/** The class of `L` with a fake-quantized weight. */
export interface FakeQuantizedClass<L extends TrainedLayer> {
  readonly name: string;
  /** The weights are those of `layer`. `bounds` are those of the activation after it, if there is one. */
  new (layer: L, qconfig: QConfig, bounds?: Clamp): L & FakeQuantized;
}

/** `Layer` with a fake-quantized weight: a class to extend, one for convolutions and linear layers. */
export function fakeQuantized<L extends TrainedLayer>(
  Layer: new (inputs: number, outputs: number, ...rest: never[]) => L,
): FakeQuantizedClass<L> {
  // Any of the classes: TypeScript extends none that it doesn't know.
  const Base = Layer as unknown as new (...args: unknown[]) => Conv1d;

  class FakeQuantizedLayer extends Base implements FakeQuantized {
    static readonly pure = true;

    readonly weightFakeQuant: ObserverOrFakeQuant;

    readonly bounds: Clamp | undefined;

    constructor(layer: TrainedLayer, qconfig: QConfig, bounds?: Clamp) {
      super(...argumentsOf(layer));
      this.weight = layer.weight;
      this.bias = layer.bias;
      this.qconfig = qconfig;
      this.training = layer.training;
      this.weightFakeQuant = qconfig.weight();
      this.bounds = bounds;
    }

    override forward(x: Tensor): Tensor {
      return tidy(() => applied(this, x, this.weightFakeQuant.call(this.weight), this.bias, this.bounds));
    }

    toFloat(): Module {
      return floatOf(this, this);
    }
  }
  return FakeQuantizedLayer as unknown as FakeQuantizedClass<L>;
}

/** The arguments of the constructor that make a layer of the same form. */
function argumentsOf(layer: TrainedLayer): unknown[] {
  const bias = layer.bias !== undefined;
  return layer instanceof Linear
    ? [layer.inFeatures, layer.outFeatures, { bias }]
    : [layer.inChannels, layer.outChannels, layer.kernelSize, { ...layer.options, bias }];
}

/** What the layer computes with another weight and bias, between the bounds of `clamp`. */
export function applied(
  layer: TrainedLayer,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  clamp?: Clamp,
): Tensor {
  return layer instanceof Linear
    ? linear(x, weight, bias, { clamp })
    : convolve(layer, x, weight, bias, clamp);
}

/** The float layer of `layer`'s form with these weights, and the activation of its bounds. */
export function floatOf(
  layer: TrainedLayer & Pick<FakeQuantized, 'bounds'>,
  { weight, bias }: { weight: Tensor; bias: Tensor | undefined },
): Module {
  const { bounds, training } = layer;
  if (layer instanceof Linear) {
    const float = floatLinear(weight, bias, training);
    return bounds ? new LinearReLU(float, rectifierOf(bounds)).train(training) : float;
  }
  if (layer instanceof Conv1d) {
    const float = floatConv1d(layer, weight, bias);
    return bounds ? new ConvReLU1d(float, rectifierOf(bounds)).train(training) : float;
  }
  const float = floatConv(layer, weight, bias);
  return bounds ? new ConvReLU2d(float, rectifierOf(bounds)).train(training) : float;
}
