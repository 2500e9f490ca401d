import { checkOptions } from '@octet/backend';
import { Buffer, LSTM, type LSTMOptions, Parameter, skipInit } from '@octet/nn';
import type { Tensor } from '@octet/tensor';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import { dynamicLstmLayer } from '../functional/lstm';
import { PackedWeight } from '../functional/packed-weight';

/** An LSTM with int8 weights that quantizes inputs and hidden state at every product; gates and state stay in float. */
export class DynamicQuantizedLSTM extends LSTM {
  static override readonly name: string = 'DynamicQuantizedLSTM';

  readonly reduceRange: boolean;
  private packed = new Map<Tensor, PackedWeight>();

  constructor(inputSize: number, hiddenSize: number, options?: LSTMOptions & DynamicOptions) {
    const { reduceRange = false, ...rest } = checkOptions(
      'dynamic.LSTM',
      options,
      'numLayers bias batchFirst reduceRange',
    );
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
    const { inputSize, hiddenSize, numLayers, batchFirst } = lstm;
    const sizes = { numLayers, batchFirst, bias: lstm.hasBias };
    const made = skipInit(() => new DynamicQuantizedLSTM(inputSize, hiddenSize, { ...sizes, reduceRange }));
    const fields = made as unknown as Record<string, Tensor>;
    for (const [name, parameter] of lstm.namedParameters()) {
      fields[name] = new Buffer(name.startsWith('weight') ? await quantize(parameter) : parameter);
    }
    return made.eval();
  }

  /** The LSTM with the integers' numbers as weights. */
  toFloat(): LSTM {
    const { inputSize, hiddenSize, numLayers, batchFirst, hasBias } = this;
    const lstm = skipInit(() => new LSTM(inputSize, hiddenSize, { numLayers, batchFirst, bias: hasBias }));
    const fields = lstm as unknown as Record<string, Parameter>;
    for (const [name, t] of this.namedBuffers())
      fields[name] = new Parameter(t.isQuantized ? t.dequantize() : t);
    return lstm.train(this.training);
  }

  private get options(): DynamicOptions {
    return { reduceRange: this.reduceRange };
  }

  protected override inputGates(k: number, x: Tensor): Tensor {
    return dynamicLinear(x, this.packedWeight(this[`weightIhL${k}`], this[`biasIhL${k}`]), this.options);
  }

  protected override hiddenGates(k: number, h: Tensor): Tensor {
    return dynamicLinear(h, this.packedWeight(this[`weightHhL${k}`], this[`biasHhL${k}`]), this.options);
  }

  protected override allSteps(k: number, gates: Tensor, h0: Tensor, c0: Tensor): Tensor | undefined {
    if (!gates.backend.kernels.qlstmDynamic) return undefined;
    const packed = this.packedWeight(this[`weightHhL${k}`], this[`biasHhL${k}`]);
    return dynamicLstmLayer(gates, packed, h0, c0, this.options);
  }

  private packedWeight(weight: Tensor, bias: Tensor | undefined): PackedWeight {
    let packed = this.packed.get(weight);
    if (!packed) {
      packed = new PackedWeight('dynamic.LSTM', weight, bias);
      this.packed.set(weight, packed);
    }
    return packed;
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
