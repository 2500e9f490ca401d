/** One step of a recurrent layer, for loops of one's own. */
import { ArgumentError, checkOptions, describe, requireFlag, requireOneOf, ShapeError } from '@octet/backend';
import {
  add,
  chunk,
  formatShape,
  kernel,
  linear,
  mul,
  relu,
  sameShape,
  sigmoid,
  squeeze,
  sub,
  type Tensor,
  tanh,
  tidy,
  unsqueeze,
  zeros,
} from '@octet/tensor/functional';
import { repr, requireInteger, requireRank } from '../arguments';
import { uniform_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';
import type { RNNNonlinearity } from './rnn';

export interface RNNCellOptions {
  /** Default: true. */
  bias?: boolean;
}

export interface PlainRNNCellOptions extends RNNCellOptions {
  nonlinearity?: RNNNonlinearity;
}

/**
 * What the cells have in common: x [N, inputSize], each tensor of state [N, hiddenSize] (or [inputSize], [hiddenSize]). `weightIh`
 * [gates·hiddenSize, inputSize], `weightHh` [gates·hiddenSize, hiddenSize], `biasIh` and `biasHh` [gates·hiddenSize] start uniform in
 * ±1/√hiddenSize. Without a state it starts as zeros.
 */
export abstract class RNNCellBase<State> extends Module<[x: Tensor, state?: State], State> {
  static override readonly name: string = 'RNNCellBase';
  static readonly pure = true;

  readonly inputSize: number;
  readonly hiddenSize: number;
  weightIh: Parameter;
  weightHh: Parameter;
  biasIh: Parameter | undefined;
  biasHh: Parameter | undefined;
  private readonly op: string;
  private readonly gates: number;

  constructor(op: string, gates: number, inputSize: number, hiddenSize: number, options?: RNNCellOptions) {
    super();
    const { bias = true } = checkOptions(op, options, 'bias');
    requireFlag(op, 'bias', bias);
    this.op = op;
    this.gates = gates;
    this.inputSize = requireInteger(op, 'inputSize', inputSize);
    this.hiddenSize = requireInteger(op, 'hiddenSize', hiddenSize);
    const rows = gates * hiddenSize;
    this.weightIh = new Parameter(zeros([rows, inputSize]));
    this.weightHh = new Parameter(zeros([rows, hiddenSize]));
    this.biasIh = bias ? new Parameter(zeros([rows])) : undefined;
    this.biasHh = bias ? new Parameter(zeros([rows])) : undefined;
    this.resetParameters();
  }

  get hasBias(): boolean {
    return this.biasIh !== undefined;
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** How many tensors a state has, those tensors, and a state of them. */
  protected abstract readonly stateCount: number;
  protected abstract partsOf(state: State): Tensor[];
  protected abstract stateOf(parts: Tensor[]): State;

  /** The next state, from the inputs' and the state's share of the gates. */
  protected abstract step(fromInput: Tensor, fromState: Tensor, state: readonly Tensor[]): Tensor[];

  /** @throws ShapeError unless x is [N, inputSize] or [inputSize] and the state fits; ArgumentError for what is no state */
  forward(x: Tensor, state?: State): State {
    requireRank(this.op, x, '[N, inputSize] or [inputSize]', 1, 2);
    const given = state === undefined ? undefined : this.requireState(this.partsOf(state));
    const shape = [...x.shape.slice(0, -1), this.hiddenSize];
    const fits = x.shape.at(-1) === this.inputSize && (given ?? []).every((t) => sameShape(t.shape, shape));
    if (!fits) {
      throw new ShapeError({
        op: this.op,
        expected: `${this.inputSize} features, and a state of shape ${formatShape(shape)}`,
        found: [x, ...(given ?? [])].map((t) => formatShape(t.shape)).join(', '),
        fix: 'x is [N, inputSize], the state [N, hiddenSize]; or both without N.',
      });
    }
    const next = tidy(() => {
      const batched = (t: Tensor) => (x.dim === 1 ? unsqueeze(t, 0) : t);
      const { dtype } = x.storage;
      const h = (
        given ?? Array.from({ length: this.stateCount }, () => zeros(shape, { dtype, backend: x.backend }))
      ).map(batched);
      const parts = this.step(this.inputGates(batched(x)), this.hiddenGates(h[0]), h);
      return x.dim === 1 ? parts.map((t) => squeeze(t, 0)) : parts;
    });
    return this.stateOf(next);
  }

  private requireState(parts: Tensor[]): Tensor[] {
    if (Array.isArray(parts) && parts.length === this.stateCount) {
      for (const t of parts) kernel.requireTensor(this.op, t);
      return parts;
    }
    throw new ArgumentError({
      op: this.op,
      expected: this.stateCount === 1 ? 'a tensor as state' : 'a state [h, c]',
      found: describe(parts),
      fix: 'Pass what an earlier call returned, or nothing.',
    });
  }

  /** The inputs' share of the gates: [N, inputSize] → [N, gates·hiddenSize]. */
  protected inputGates(x: Tensor): Tensor {
    return linear(x, this.weightIh, this.biasIh);
  }

  /** The state's share of the gates: [N, hiddenSize] → [N, gates·hiddenSize]. */
  protected hiddenGates(h: Tensor): Tensor {
    return linear(h, this.weightHh, this.biasHh);
  }

  /** Multiplications for one call. */
  macs(input: readonly number[]): number {
    const { inputSize, hiddenSize, gates } = this;
    return (input.length === 1 ? 1 : input[0]) * gates * hiddenSize * (inputSize + hiddenSize);
  }

  override extraRepr(): string {
    return [`${this.inputSize}, ${this.hiddenSize}`, repr({ bias: this.hasBias ? undefined : false })]
      .filter(Boolean)
      .join(', ');
  }
}

/** h = tanh(x · weightIhᵀ + biasIh + h · weightHhᵀ + biasHh), or relu in the place of tanh: one step of an `RNN`. */
export class RNNCell extends RNNCellBase<Tensor> {
  static override readonly name: string = 'RNNCell';

  readonly nonlinearity: RNNNonlinearity;
  protected override readonly stateCount = 1;

  /** @throws ArgumentError for sizes below 1, or another nonlinearity */
  constructor(inputSize: number, hiddenSize: number, options?: PlainRNNCellOptions) {
    const { nonlinearity = 'tanh', ...rest } = checkOptions('RNNCell', options, 'bias nonlinearity');
    requireOneOf('RNNCell', 'nonlinearity', nonlinearity, ['tanh', 'relu']);
    super('RNNCell', 1, inputSize, hiddenSize, rest);
    this.nonlinearity = nonlinearity;
  }

  protected override partsOf(state: Tensor): Tensor[] {
    return [state];
  }

  protected override stateOf([h]: Tensor[]): Tensor {
    return h;
  }

  protected override step(fromInput: Tensor, fromState: Tensor): Tensor[] {
    const sum = add(fromInput, fromState);
    return [this.nonlinearity === 'tanh' ? tanh(sum) : relu(sum)];
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === 'tanh' ? '' : ', nonlinearity=relu');
  }
}

/** One step of a `GRU`: x, h → h. */
export class GRUCell extends RNNCellBase<Tensor> {
  static override readonly name: string = 'GRUCell';

  protected override readonly stateCount = 1;

  /** @throws ArgumentError for sizes below 1 */
  constructor(inputSize: number, hiddenSize: number, options?: RNNCellOptions) {
    super('GRUCell', 3, inputSize, hiddenSize, options);
  }

  protected override partsOf(state: Tensor): Tensor[] {
    return [state];
  }

  protected override stateOf([h]: Tensor[]): Tensor {
    return h;
  }

  protected override step(fromInput: Tensor, fromState: Tensor, [h]: readonly Tensor[]): Tensor[] {
    const [xr, xz, xn] = chunk(fromInput, 3, 1);
    const [hr, hz, hn] = chunk(fromState, 3, 1);
    const n = tanh(add(xn, mul(sigmoid(add(xr, hr)), hn)));
    return [add(n, mul(sigmoid(add(xz, hz)), sub(h, n)))];
  }
}

/** One step of an `LSTM`: x, [h, c] → [h, c]. */
export class LSTMCell extends RNNCellBase<[h: Tensor, c: Tensor]> {
  static override readonly name: string = 'LSTMCell';

  protected override readonly stateCount = 2;

  /** @throws ArgumentError for sizes below 1 */
  constructor(inputSize: number, hiddenSize: number, options?: RNNCellOptions) {
    super('LSTMCell', 4, inputSize, hiddenSize, options);
  }

  protected override partsOf(state: [h: Tensor, c: Tensor]): Tensor[] {
    return state;
  }

  protected override stateOf([h, c]: Tensor[]): [h: Tensor, c: Tensor] {
    return [h, c];
  }

  protected override step(fromInput: Tensor, fromState: Tensor, [, c]: readonly Tensor[]): Tensor[] {
    const [i, f, g, o] = chunk(add(fromInput, fromState), 4, 1);
    const next = add(mul(sigmoid(f), c), mul(sigmoid(i), tanh(g)));
    return [mul(sigmoid(o), tanh(next)), next];
  }
}
