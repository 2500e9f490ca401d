import { checkOptions, ShapeError } from '@octet/backend';
import {
  Linear,
  LSTMCell,
  Module,
  type Parameter,
  type RNNCellOptions,
  Sigmoid,
  skipInit,
  Tanh,
} from '@octet/nn/modules';
import {
  chunk,
  formatShape,
  kernel,
  quantizePerTensor,
  sameShape,
  type Tensor,
  tanh,
  tidy,
  zeros,
} from '@octet/tensor/functional';
import { FloatFunctional } from '../float-functional';
import { toFloat } from '../module-rules';
import { withOneRange } from '../observed';

/** h and c, each [N, hiddenSize]. */
export type CellState = [h: Tensor, c: Tensor];

const OP = 'quantizable.LSTMCell';

/**
 * An `LSTMCell` of layers that can be observed one by one: PyTorch's `torch.ao.nn.quantizable.LSTMCell`. x [N, inputSize], [h, c] [N, hiddenSize]
 * → [h, c], in float, and in quint8 once it is converted. Without a state h and c are zeros, quantized ones at scale 1.
 */
export class QuantizableLSTMCell extends Module<[x: Tensor, state?: CellState], CellState> {
  static override readonly name: string = 'QuantizableLSTMCell';
  static readonly pure = true;

  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly igates: Linear;
  readonly hgates: Linear;
  readonly gates = new FloatFunctional();
  readonly inputGate = new Sigmoid();
  readonly forgetGate = new Sigmoid();
  readonly cellGate = new Tanh();
  readonly outputGate = new Sigmoid();
  readonly fgateCx = new FloatFunctional();
  readonly igateCgate = new FloatFunctional();
  readonly fgateCxIgateCgate = new FloatFunctional();
  readonly ogateCy = new FloatFunctional();

  /** @throws ArgumentError for sizes below 1 */
  constructor(inputSize: number, hiddenSize: number, options?: RNNCellOptions) {
    super();
    const { bias = true } = checkOptions(OP, options, 'bias');
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.igates = new Linear(inputSize, 4 * hiddenSize, { bias });
    this.hgates = new Linear(hiddenSize, 4 * hiddenSize, { bias });
  }

  /** The cell with the parameters of a float one. */
  static fromFloat(cell: LSTMCell): QuantizableLSTMCell {
    const { inputSize, hiddenSize, weightIh, weightHh, biasIh, biasHh } = cell;
    return QuantizableLSTMCell.fromParams(inputSize, hiddenSize, [weightIh, weightHh], [biasIh, biasHh]);
  }

  /** The cell with these weights and biases, of inputs and state. */
  static fromParams(
    inputSize: number,
    hiddenSize: number,
    [weightIh, weightHh]: readonly [Parameter, Parameter],
    [biasIh, biasHh]: readonly [Parameter | undefined, Parameter | undefined],
  ): QuantizableLSTMCell {
    const bias = biasIh !== undefined;
    const cell = skipInit(() => new QuantizableLSTMCell(inputSize, hiddenSize, { bias }));
    cell.igates.weight = weightIh;
    cell.igates.bias = biasIh;
    cell.hgates.weight = weightHh;
    cell.hgates.bias = biasHh;
    return cell;
  }

  /** @throws ShapeError unless x is [N, inputSize] and the state fits */
  forward(x: Tensor, state?: CellState): CellState {
    kernel.requireTensor(OP, x, ...(state ?? []));
    const { inputSize, hiddenSize } = this;
    const shape = [x.shape[0], hiddenSize];
    if (!sameShape(x.shape, [x.shape[0], inputSize]) || state?.some((t) => !sameShape(t.shape, shape))) {
      throw new ShapeError({
        op: OP,
        expected: `x [N, ${inputSize}], h and c [N, ${hiddenSize}]`,
        found: [x, ...(state ?? [])].map((t) => formatShape(t.shape)).join(', '),
        fix: 'Give one example as a batch of one: unsqueeze(0).',
      });
    }
    // The steps of a sequence have one range, as the int8 cell has one scale.
    return tidy(() => withOneRange(() => this.step(x, state ?? zeroState(x, shape))));
  }

  private step(x: Tensor, [h, c]: CellState): CellState {
    const gates = this.gates.add(this.igates.call(x), this.hgates.call(h));
    const [i, f, g, o] = chunk(gates, 4, 1);
    const [input, forget] = [this.inputGate.call(i), this.forgetGate.call(f)];
    const [cell, output] = [this.cellGate.call(g), this.outputGate.call(o)];
    const kept = this.fgateCx.mul(forget, c);
    const next = this.fgateCxIgateCgate.add(kept, this.igateCgate.mul(input, cell));
    return [this.ogateCy.mul(output, tanh(next)), next];
  }

  /** The float cell. */
  toFloat(): LSTMCell {
    const { inputSize, hiddenSize } = this;
    const { weightIh, weightHh, biasIh, biasHh } = this.floatParams();
    const bias = biasIh !== undefined;
    const made = skipInit(() => new LSTMCell(inputSize, hiddenSize, { bias }));
    return Object.assign(made, { weightIh, weightHh, biasIh, biasHh }).train(this.training);
  }

  /** The float weights and biases of inputs and state; of int8 layers the integers' numbers. */
  floatParams() {
    const [ih, hh] = [this.igates, this.hgates].map((layer) => toFloat(layer) as Linear);
    return { weightIh: ih.weight, weightHh: hh.weight, biasIh: ih.bias, biasHh: hh.bias };
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}`;
  }
}

function zeroState(x: Tensor, shape: readonly number[]): CellState {
  const { backend } = x;
  const dtype = x.dtype === 'float64' ? 'float64' : 'float32';
  const zero = zeros(shape, { dtype, backend });
  const state = x.isQuantized ? quantizePerTensor(zero, 1, 0, 'quint8') : zero;
  return [state, state];
}
