import { noGrad, type Tensor, tensor } from '@octet/tensor';
import type { WeightLayer } from './convert-pair';

/** A layer's weight and bias while they are scaled, in double. */
export class HostWeight {
  private constructor(
    private readonly layer: WeightLayer,
    private readonly weight: Float64Array,
    private readonly bias: Float64Array | undefined,
  ) {}

  static async of(layer: WeightLayer): Promise<HostWeight> {
    const { weight, bias } = layer;
    return new HostWeight(
      layer,
      Float64Array.from(await weight.data()),
      bias && Float64Array.from(await bias.data()),
    );
  }

  /** Whether each output channel reads one input channel: then its scale is its own. */
  get isDepthwise(): boolean {
    return this.layer.weight.shape[1] === 1 && 'groups' in this.layer && this.layer.groups > 1;
  }

  get outputs(): number {
    return this.layer.weight.shape[0];
  }

  /** The largest absolute weight of each output channel. */
  outputRanges(): Float64Array {
    const ranges = new Float64Array(this.outputs);
    this.eachWeight((i, output) => {
      ranges[output] = Math.max(ranges[output], Math.abs(this.weight[i]));
    });
    return ranges;
  }

  /** Of each input channel, that is `repeat` inputs. */
  inputRanges(channels: number, repeat: number): Float64Array {
    const ranges = new Float64Array(channels);
    this.eachWeight((i, _, input) => {
      const channel = Math.floor(input / repeat);
      ranges[channel] = Math.max(ranges[channel], Math.abs(this.weight[i]));
    });
    return ranges;
  }

  divideOutputs(by: Float64Array): void {
    this.eachWeight((i, output) => {
      this.weight[i] /= by[output];
    });
    this.bias?.forEach((value, output, bias) => {
      bias[output] = value / by[output];
    });
  }

  multiplyInputs(by: Float64Array, repeat: number): void {
    this.eachWeight((i, _, input) => {
      this.weight[i] *= by[Math.floor(input / repeat)];
    });
  }

  /** weight [outputs, inputs / groups, …]. */
  private eachWeight(visit: (i: number, output: number, input: number) => void): void {
    const [outputs, inputs] = this.layer.weight.shape;
    const perGroup = outputs / ('groups' in this.layer ? this.layer.groups : 1);
    const inner = this.weight.length / (outputs * inputs);
    for (let i = 0; i < this.weight.length; i++) {
      const row = Math.floor(i / inner);
      const output = Math.floor(row / inputs);
      visit(i, output, Math.floor(output / perGroup) * inputs + (row % inputs));
    }
  }

  store(): void {
    const { weight, bias } = this.layer;
    overwrite(weight, this.weight);
    if (bias && this.bias) overwrite(bias, this.bias);
  }
}

/** Puts other numbers into a tensor. */
export function overwrite(t: Tensor, values: ArrayLike<number>): void {
  const { shape, backend } = t;
  noGrad(() => t.copy_(tensor(Float32Array.from(values), { backend }).reshape(shape)));
}
