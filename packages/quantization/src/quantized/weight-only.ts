import { type AnyModule, Buffer, Module, Parameter } from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';

/**
 * A layer of any kind whose weights are int8 and whose products are in float: what it takes, computes and gives is the layer's, with
 * rounded weights. A model is a quarter as large and no faster; nothing of its activations is lost. Its plan, and a file, hold the integers'
 * floats as DequantizeLinear gives them.
 *
 * The layer's field of each weight holds the integers; in a call it holds their floats.
 */
export class WeightOnly extends Module<unknown[], unknown> {
  static override readonly name: string = 'WeightOnly';
  static readonly pure = true;

  /** `layer` has qint8 buffers where its weights were. */
  constructor(readonly layer: AnyModule) {
    super();
    this.training = false;
  }

  /**
   * A copy of a layer, in evaluation mode; `quantize` makes the int8 weight of each parameter of two dims or more. Biases and the like
   * stay in float.
   */
  static async fromFloat(
    layer: AnyModule,
    quantize: (weight: Tensor, path: string) => Promise<Tensor>,
  ): Promise<WeightOnly> {
    const copy = layer.clone().eval();
    for (const [path, parameter] of copy.namedParameters()) {
      if (parameter.dim < 2) continue;
      const [owner, name] = placeOf(copy, path);
      owner[name] = new Buffer(await quantize(parameter.detach(), path));
    }
    return new WeightOnly(copy);
  }

  /** Inference only: the weights don't learn. Gradients reach the inputs. */
  override forward(...args: unknown[]): unknown {
    const integers = this.integers();
    try {
      for (const { owner, name, weight } of integers) owner[name] = dequantize(weight);
      return this.layer.call(...args);
    } finally {
      for (const { owner, name, weight } of integers) owner[name] = weight;
    }
  }

  /** The layer with the integers' numbers as weights. */
  toFloat(): AnyModule {
    const layer = this.layer.clone();
    for (const { path, weight } of this.integers()) {
      const [owner, name] = placeOf(layer, path);
      owner[name] = new Parameter(dequantize(weight));
    }
    return layer;
  }

  private integers() {
    return this.layer.namedBuffers().flatMap(([path, weight]) => {
      if (!weight.isQuantized) return [];
      const [owner, name] = placeOf(this.layer, path);
      return [{ path, owner, name, weight }];
    });
  }
}

type Fields = Record<string, Tensor>;

/** The module that holds the tensor at `path`, and its field. */
function placeOf(layer: AnyModule, path: string): [owner: Fields, name: string] {
  const dot = path.lastIndexOf('.');
  return [layer.getSubmodule(path.slice(0, Math.max(0, dot))) as unknown as Fields, path.slice(dot + 1)];
}
