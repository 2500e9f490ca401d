import { checkOptions, ShapeError } from '@octet/backend';
import {
  chunk,
  formatShape,
  linear,
  lstmLayer,
  mul,
  sameShape,
  select,
  sigmoid,
  stack,
  type Tensor,
  tanh,
  tidy,
  transpose,
  zeros,
} from '@octet/tensor';
import { repr, requireRank, whole } from '../arguments';
import { uniform_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface LSTMOptions {
  /** LSTMs on top of each other. */
  numLayers?: number;
  bias?: boolean;
  /** Whether x and y are [N, T, …] rather than [T, N, …]. The state never is. */
  batchFirst?: boolean;
}

/** h and c, each [numLayers, N, hiddenSize]. */
export type LSTMState = [h: Tensor, c: Tensor];

/**
 * Long short-term memory: x [T, N, inputSize] → [y [T, N, hiddenSize], [h, c] after the last step]. At each step
 *
 *     i, f, g, o = x · weightIhᵀ + biasIh + h · weightHhᵀ + biasHh
 *     c = σ(f) · c + σ(i) · tanh(g)
 *     h = σ(o) · tanh(c)
 *
 * The parameters of layer k: `weightIhLk` [4·hiddenSize, inputs], `weightHhLk` [4·hiddenSize, hiddenSize], `biasIhLk`
 * and `biasHhLk` [4·hiddenSize], the gates in this order; all start uniform in ±1/√hiddenSize. Without a state h and c
 * start as zeros.
 */
export class LSTM extends Module<[x: Tensor, state?: LSTMState], [y: Tensor, state: LSTMState]> {
  static override readonly name: string = 'LSTM';
  static readonly pure = true;

  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly hasBias: boolean;
  readonly batchFirst: boolean;
  [weight: `weightIhL${number}` | `weightHhL${number}`]: Parameter;
  [bias: `biasIhL${number}` | `biasHhL${number}`]: Parameter | undefined;

  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    super();
    const {
      numLayers = 1,
      bias = true,
      batchFirst = false,
    } = checkOptions('LSTM', options, 'numLayers bias batchFirst');
    this.inputSize = whole('LSTM', 'inputSize', inputSize);
    this.hiddenSize = whole('LSTM', 'hiddenSize', hiddenSize);
    this.numLayers = whole('LSTM', 'numLayers', numLayers);
    this.hasBias = bias;
    this.batchFirst = batchFirst;
    const gates = 4 * hiddenSize;
    for (let k = 0; k < numLayers; k++) {
      this[`weightIhL${k}`] = new Parameter(zeros([gates, k === 0 ? inputSize : hiddenSize]));
      this[`weightHhL${k}`] = new Parameter(zeros([gates, hiddenSize]));
      this[`biasIhL${k}`] = bias ? new Parameter(zeros([gates])) : undefined;
      this[`biasHhL${k}`] = bias ? new Parameter(zeros([gates])) : undefined;
    }
    this.resetParameters();
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** @throws ShapeError unless x is [T, N, inputSize] (or batch first) and the state fits */
  forward(x: Tensor, state?: LSTMState): [y: Tensor, state: LSTMState] {
    requireRank('LSTM', x, this.batchFirst ? '[N, T, inputSize]' : '[T, N, inputSize]', 3);
    return tidy(() => this.allLayers(x, state));
  }

  private allLayers(x: Tensor, state?: LSTMState): [y: Tensor, state: LSTMState] {
    let y = this.batchFirst ? transpose(x, 0, 1) : x;
    const shape = [this.numLayers, y.shape[1], this.hiddenSize];
    const [h0, c0] = state ?? [zerosOn(x, shape), zerosOn(x, shape)];
    this.checkShapes(y, h0, c0);
    const h: Tensor[] = [];
    const c: Tensor[] = [];
    for (let k = 0; k < this.numLayers; k++) {
      [y, h[k], c[k]] = this.layer(k, y, select(h0, 0, k), select(c0, 0, k));
    }
    return [this.batchFirst ? transpose(y, 0, 1) : y, [stack(h, 0), stack(c, 0)]];
  }

  private checkShapes(x: Tensor, h: Tensor, c: Tensor): void {
    const shape = [this.numLayers, x.shape[1], this.hiddenSize];
    if (
      x.shape[0] > 0 &&
      x.shape[2] === this.inputSize &&
      sameShape(h.shape, shape) &&
      sameShape(c.shape, shape)
    )
      return;
    throw new ShapeError({
      op: 'LSTM',
      expected: `a step or more of ${this.inputSize} features, and h and c of shape ${formatShape(shape)}`,
      found: `${x.shape[0]} steps of ${x.shape[2]}, ${formatShape(h.shape)} and ${formatShape(c.shape)}`,
      fix: 'x is [T, N, inputSize], or [N, T, inputSize] with batchFirst; the state is [numLayers, N, hiddenSize].',
    });
  }

  /** One layer over all steps of x [T, N, inputs]: y [T, N, hiddenSize] and the last h and c. */
  private layer(k: number, x: Tensor, h0: Tensor, c0: Tensor): [y: Tensor, h: Tensor, c: Tensor] {
    // The inputs' share of the gates needs no state: one product for all steps.
    const gates = this.inputGates(k, x);
    const all = this.allSteps(k, gates, h0, c0);
    if (!all) return this.stepByStep(k, gates, h0, c0);
    const y = select(all, 0, 0);
    return [y, select(y, 0, -1), select(select(all, 0, 1), 0, -1)];
  }

  /** For backends without a kernel for all steps. */
  private stepByStep(k: number, gates: Tensor, h: Tensor, c: Tensor): [y: Tensor, h: Tensor, c: Tensor] {
    const outputs: Tensor[] = [];
    for (let t = 0; t < gates.shape[0]; t++) {
      const [i, f, g, o] = chunk(select(gates, 0, t).add(this.hiddenGates(k, h)), 4, 1);
      c = mul(sigmoid(f), c).add(mul(sigmoid(i), tanh(g)));
      h = mul(sigmoid(o), tanh(c));
      outputs.push(h);
    }
    return [stack(outputs, 0), h, c];
  }

  /** All h and all c of layer k by one kernel, [2, T, N, hiddenSize], where the backend has it. */
  protected allSteps(k: number, gates: Tensor, h0: Tensor, c0: Tensor): Tensor | undefined {
    if (!gates.backend.kernels.lstm) return undefined;
    return lstmLayer(gates, this[`weightHhL${k}`], h0, c0, this[`biasHhL${k}`]);
  }

  /** The inputs' share of the gates of layer k: [..., inputs] → [..., 4·hiddenSize]. */
  protected inputGates(k: number, x: Tensor): Tensor {
    return linear(x, this[`weightIhL${k}`], this[`biasIhL${k}`]);
  }

  /** The state's share of the gates of layer k: [N, hiddenSize] → [N, 4·hiddenSize]. */
  protected hiddenGates(k: number, h: Tensor): Tensor {
    return linear(h, this[`weightHhL${k}`], this[`biasHhL${k}`]);
  }

  /** Multiplications for one call. */
  macs(input: readonly number[]): number {
    const inputs = this.inputSize + (this.numLayers - 1) * this.hiddenSize;
    return input[0] * input[1] * 4 * this.hiddenSize * (inputs + this.numLayers * this.hiddenSize);
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, hasBias, batchFirst } = this;
    const rest = {
      numLayers: numLayers === 1 ? undefined : numLayers,
      bias: hasBias ? undefined : false,
      batchFirst: batchFirst || undefined,
    };
    return [`${inputSize}, ${hiddenSize}`, repr(rest)].filter(Boolean).join(', ');
  }
}

function zerosOn(like: Tensor, shape: readonly number[]): Tensor {
  return zeros(shape, { dtype: like.storage.dtype, backend: like.backend });
}
