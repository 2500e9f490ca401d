import { checkOptions } from '@octet/backend';
import { LSTM, type LSTMOptions, type RNNLayer, skipInit } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import { dynamicLstmLayer } from '../functional/lstm';
import type { PackedWeight } from '../functional/packed-weight';
import {
  fillFloat,
  fillQuantized,
  optionNames,
  optionsOf,
  type PackedWeights,
  packedWeight,
} from './recurrent';

/** The options that make an LSTM of the same form. */
const formOf = (lstm: LSTM): LSTMOptions => ({ ...optionsOf(lstm), projSize: lstm.projSize });

/** An LSTM with int8 weights that quantizes inputs and hidden state at every product; gates and state stay in float. */
export class DynamicQuantizedLSTM extends LSTM {
  static override readonly name: string = 'DynamicQuantizedLSTM';

  readonly reduceRange: boolean;
  private packed: PackedWeights = new Map();

  constructor(inputSize: number, hiddenSize: number, options?: LSTMOptions & DynamicOptions) {
    const { reduceRange = false, ...rest } = checkOptions('dynamic.LSTM', options, `${optionNames} projSize`);
    super(inputSize, hiddenSize, rest);
    this.reduceRange = reduceRange;
  }

  /** `quantize` makes the int8 weight of each float one, [4·hiddenSize, inputs]. */
  static async fromFloat(
    lstm: LSTM,
    quantize: (weight: Tensor) => Promise<Tensor>,
    options?: DynamicOptions,
  ): Promise<DynamicQuantizedLSTM> {
    const { reduceRange } = checkOptions('dynamic.LSTM.fromFloat', options, 'reduceRange');
    const { inputSize, hiddenSize } = lstm;
    const made = skipInit(
      () => new DynamicQuantizedLSTM(inputSize, hiddenSize, { ...formOf(lstm), reduceRange }),
    );
    await fillQuantized(made, lstm, quantize);
    return made.eval();
  }

  /** The LSTM with the integers' numbers as weights. */
  toFloat(): LSTM {
    return fillFloat(
      skipInit(() => new LSTM(this.inputSize, this.hiddenSize, formOf(this))),
      this,
    );
  }

  private get options(): DynamicOptions {
    return { reduceRange: this.reduceRange };
  }

  private weightOf(of: 'Ih' | 'Hh' | 'Hr', layer: RNNLayer): PackedWeight {
    return packedWeight('dynamic.LSTM', this.packed, this, of, layer);
  }

  protected override inputGates(layer: RNNLayer, x: Tensor): Tensor {
    return dynamicLinear(x, this.weightOf('Ih', layer), this.options);
  }

  protected override hiddenGates(layer: RNNLayer, h: Tensor): Tensor {
    return dynamicLinear(h, this.weightOf('Hh', layer), this.options);
  }

  protected override projected(layer: RNNLayer, h: Tensor): Tensor {
    return dynamicLinear(h, this.weightOf('Hr', layer), this.options);
  }

  protected override layerKernel(layer: RNNLayer, gates: Tensor, h0: Tensor, c0: Tensor): Tensor | undefined {
    if (!gates.backend.kernels.qlstmDynamic) return undefined;
    return dynamicLstmLayer(gates, this.weightOf('Hh', layer), h0, c0, this.options);
  }

  /** For `summary`. */
  get parameterCount(): number {
    return this.buffers().reduce((sum, t) => sum + t.numel, 0);
  }

  get parameterBytes(): number {
    return this.buffers().reduce((sum, t) => sum + t.nbytes, 0);
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.reduceRange ? ', reduceRange=true' : '');
  }

  protected override tensorsChanged(): void {
    for (const { cache } of this.packed.values()) cache.clear();
    this.packed = new Map();
  }
}
