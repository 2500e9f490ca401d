import { Buffer, Parameter, PReLU, type StateLoader } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { quantizedPrelu } from '../functional/channels';
import type { OutputQparams } from '../functional/int8';
import { QuantizedOutput } from './with-output';

/** PReLU on integers; the slopes stay float32. */
export class QuantizedPReLU extends QuantizedOutput {
  static override readonly name: string = 'QuantizedPReLU';
  static readonly pure = true;

  weight: Buffer;

  /** `slopes` are what `weight` holds, for a backend that can't be read at once. */
  constructor(
    weight: Tensor,
    private slopes: Float32Array,
    output: OutputQparams,
  ) {
    super(output);
    this.weight = new Buffer(weight.detach());
  }

  override forward(x: Tensor): Tensor {
    return quantizedPrelu(x, this.slopes, this);
  }

  toFloat(): PReLU {
    const layer = new PReLU(this.slopes.length);
    layer.weight = new Parameter(this.weight);
    return layer.train(this.training);
  }

  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    const slopes = load.has('weight') ? load.read('weight') : undefined;
    load.commit(() => {
      if (slopes) this.slopes = Float32Array.from(slopes);
    });
  }

  override extraRepr(): string {
    return `numParameters=${this.slopes.length}, ${super.extraRepr()}`;
  }
}
