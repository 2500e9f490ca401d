/** Recurrent cells, and the plain recurrent layer, with int8 weights: what goes into a product is quantized at every call. */
import { checkOptions } from '@octet/backend';
import {
  Buffer,
  GRUCell,
  LSTMCell,
  Parameter,
  RNN,
  RNNCell,
  type RNNCellBase,
  type RNNLayer,
  skipInit,
} from '@octet/nn/modules';
import { dequantize, type Tensor } from '@octet/tensor/functional';
import { type DynamicOptions, dynamicLinear } from '../functional/linear';
import { PackedWeight } from '../functional/packed-weight';
import { fillFloat, fillQuantized, optionsOf, type PackedWeights, packedWeight } from './recurrent';

type Quantize = (weight: Tensor) => Promise<Tensor>;

/** A copy of the cell's biases and of its weights as `quantize` makes them, as buffers in `made`. */
async function fill<S, C extends RNNCellBase<S>>(
  made: C,
  cell: RNNCellBase<S>,
  quantize: Quantize,
): Promise<C> {
  const fields = made as unknown as Record<string, Tensor>;
  for (const [name, parameter] of cell.namedParameters())
    fields[name] = new Buffer(name.startsWith('weight') ? await quantize(parameter) : parameter);
  return made.eval();
}

function floatOf<S, C extends RNNCellBase<S>>(made: C, cell: RNNCellBase<S>): C {
  const fields = made as unknown as Record<string, Tensor>;
  for (const [name, t] of cell.namedBuffers())
    fields[name] = new Parameter(t.isQuantized ? dequantize(t) : t);
  return made.train(cell.training);
}

/** x · weightᵀ + bias on integers, the packed weight made once. */
function product<S>(
  cell: RNNCellBase<S>,
  packed: Map<Tensor, PackedWeight>,
  of: 'Ih' | 'Hh',
  x: Tensor,
  reduceRange: boolean,
): Tensor {
  const weight: Tensor = cell[`weight${of}`];
  let made = packed.get(weight);
  if (!made) {
    made = new PackedWeight(
      `dynamic.${(cell.constructor as { name: string }).name}`,
      weight,
      cell[`bias${of}`],
    );
    packed.set(weight, made);
  }
  return dynamicLinear(x, made, { reduceRange });
}

function emptied(packed: Map<Tensor, PackedWeight>): Map<Tensor, PackedWeight> {
  for (const { cache } of packed.values()) cache.clear();
  return new Map();
}

/** An RNNCell with int8 weights that quantizes input and state at every product. */
export class DynamicQuantizedRNNCell extends RNNCell {
  static override readonly name: string = 'DynamicQuantizedRNNCell';

  reduceRange = false;
  private packed = new Map<Tensor, PackedWeight>();

  /** `quantize` makes the int8 weight of each float one. */
  static async fromFloat(cell: RNNCell, quantize: Quantize, options?: DynamicOptions) {
    const { reduceRange = false } = checkOptions('dynamic.RNNCell.fromFloat', options, 'reduceRange');
    const { inputSize, hiddenSize, hasBias: bias, nonlinearity } = cell;
    const made = skipInit(() => new DynamicQuantizedRNNCell(inputSize, hiddenSize, { bias, nonlinearity }));
    made.reduceRange = reduceRange;
    return fill(made, cell, quantize);
  }

  /** The cell with the integers' numbers as weights. */
  toFloat(): RNNCell {
    const { inputSize, hiddenSize, hasBias: bias, nonlinearity } = this;
    return floatOf(
      skipInit(() => new RNNCell(inputSize, hiddenSize, { bias, nonlinearity })),
      this,
    );
  }

  protected override inputGates(x: Tensor): Tensor {
    return product(this, this.packed, 'Ih', x, this.reduceRange);
  }

  protected override hiddenGates(h: Tensor): Tensor {
    return product(this, this.packed, 'Hh', h, this.reduceRange);
  }

  protected override tensorsChanged(): void {
    this.packed = emptied(this.packed);
  }
}

/** A GRUCell with int8 weights that quantizes input and state at every product. */
export class DynamicQuantizedGRUCell extends GRUCell {
  static override readonly name: string = 'DynamicQuantizedGRUCell';

  reduceRange = false;
  private packed = new Map<Tensor, PackedWeight>();

  /** `quantize` makes the int8 weight of each float one. */
  static async fromFloat(cell: GRUCell, quantize: Quantize, options?: DynamicOptions) {
    const { reduceRange = false } = checkOptions('dynamic.GRUCell.fromFloat', options, 'reduceRange');
    const { inputSize, hiddenSize, hasBias: bias } = cell;
    const made = skipInit(() => new DynamicQuantizedGRUCell(inputSize, hiddenSize, { bias }));
    made.reduceRange = reduceRange;
    return fill(made, cell, quantize);
  }

  /** The cell with the integers' numbers as weights. */
  toFloat(): GRUCell {
    const { inputSize, hiddenSize, hasBias: bias } = this;
    return floatOf(
      skipInit(() => new GRUCell(inputSize, hiddenSize, { bias })),
      this,
    );
  }

  protected override inputGates(x: Tensor): Tensor {
    return product(this, this.packed, 'Ih', x, this.reduceRange);
  }

  protected override hiddenGates(h: Tensor): Tensor {
    return product(this, this.packed, 'Hh', h, this.reduceRange);
  }

  protected override tensorsChanged(): void {
    this.packed = emptied(this.packed);
  }
}

/** An LSTMCell with int8 weights that quantizes input and state at every product. */
export class DynamicQuantizedLSTMCell extends LSTMCell {
  static override readonly name: string = 'DynamicQuantizedLSTMCell';

  reduceRange = false;
  private packed = new Map<Tensor, PackedWeight>();

  /** `quantize` makes the int8 weight of each float one. */
  static async fromFloat(cell: LSTMCell, quantize: Quantize, options?: DynamicOptions) {
    const { reduceRange = false } = checkOptions('dynamic.LSTMCell.fromFloat', options, 'reduceRange');
    const { inputSize, hiddenSize, hasBias: bias } = cell;
    const made = skipInit(() => new DynamicQuantizedLSTMCell(inputSize, hiddenSize, { bias }));
    made.reduceRange = reduceRange;
    return fill(made, cell, quantize);
  }

  /** The cell with the integers' numbers as weights. */
  toFloat(): LSTMCell {
    const { inputSize, hiddenSize, hasBias: bias } = this;
    return floatOf(
      skipInit(() => new LSTMCell(inputSize, hiddenSize, { bias })),
      this,
    );
  }

  protected override inputGates(x: Tensor): Tensor {
    return product(this, this.packed, 'Ih', x, this.reduceRange);
  }

  protected override hiddenGates(h: Tensor): Tensor {
    return product(this, this.packed, 'Hh', h, this.reduceRange);
  }

  protected override tensorsChanged(): void {
    this.packed = emptied(this.packed);
  }
}

/** An RNN with int8 weights that quantizes inputs and hidden state at every product; PyTorch has none. */
export class DynamicQuantizedRNN extends RNN {
  static override readonly name: string = 'DynamicQuantizedRNN';

  reduceRange = false;
  private packed: PackedWeights = new Map();

  /** `quantize` makes the int8 weight of each float one, [hiddenSize, inputs]. */
  static async fromFloat(rnn: RNN, quantize: Quantize, options?: DynamicOptions) {
    const { reduceRange = false } = checkOptions('dynamic.RNN.fromFloat', options, 'reduceRange');
    const { inputSize, hiddenSize, nonlinearity } = rnn;
    const made = skipInit(
      () => new DynamicQuantizedRNN(inputSize, hiddenSize, { ...optionsOf(rnn), nonlinearity }),
    );
    made.reduceRange = reduceRange;
    await fillQuantized(made, rnn, quantize);
    return made.eval();
  }

  /** The RNN with the integers' numbers as weights. */
  toFloat(): RNN {
    const { inputSize, hiddenSize, nonlinearity } = this;
    return fillFloat(
      skipInit(() => new RNN(inputSize, hiddenSize, { ...optionsOf(this), nonlinearity })),
      this,
    );
  }

  protected override inputGates(layer: RNNLayer, x: Tensor): Tensor {
    return dynamicLinear(x, packedWeight('dynamic.RNN', this.packed, this, 'Ih', layer), this.dynamicOptions);
  }

  protected override hiddenGates(layer: RNNLayer, h: Tensor): Tensor {
    return dynamicLinear(h, packedWeight('dynamic.RNN', this.packed, this, 'Hh', layer), this.dynamicOptions);
  }

  private get dynamicOptions(): DynamicOptions {
    return { reduceRange: this.reduceRange };
  }

  protected override tensorsChanged(): void {
    for (const { cache } of this.packed.values()) cache.clear();
    this.packed = new Map();
  }
}
