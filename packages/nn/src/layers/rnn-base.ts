import { ArgumentError, checkOptions, describe, ShapeError, warn } from '@octet/backend';
import {
  cat,
  dropout,
  formatShape,
  kernel,
  linear,
  sameShape,
  select,
  stack,
  type Tensor,
  tidy,
  transpose,
  zeros,
} from '@octet/tensor/functional';
import { repr, requireInteger, requireRange, requireRank } from '../arguments';
import { uniform_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';

export interface RNNOptions {
  /** Layers on top of each other. Default: 1. */
  numLayers?: number;
  /** Default: true. */
  bias?: boolean;
  /** Whether x and y are [N, T, …] rather than [T, N, …]. The state never is. Default: false. */
  batchFirst?: boolean;
  /** In training, the probability that an output of a layer is 0 for the next; the last layer's stay. Default: 0. */
  dropout?: number;
  /** Whether a second layer beside each reads from the last step to the first. y has both, [T, N, 2·hiddenSize]. Default: false. */
  bidirectional?: boolean;
}

/** The names of these options. */
export const RNN_OPTIONS = 'numLayers bias batchFirst dropout bidirectional';

/** A layer and its direction, as parameters are named: `L0`, `L0Reverse`, `L1`, … */
export type RNNLayer = `L${number}` | `L${number}Reverse`;

/** What tells one kind of recurrent layer from another. */
export interface RNNKind {
  /** As in error messages. */
  readonly op: string;
  /** How many gates its weights hold. */
  readonly gates: number;
  /** Its tensors of state, the output first. */
  readonly state: readonly string[];
  /** Features that the output is projected to; 0: none, it has hiddenSize. */
  readonly projSize?: number;
}

/**
 * What LSTM and GRU have in common: layers on top of each other and both directions, over all steps of x [T, N, inputSize].
 * The parameters of layer k: `weightIhLk` [gates·hiddenSize, inputs], `weightHhLk` [gates·hiddenSize, hiddenSize], `biasIhLk`
 * and `biasHhLk` [gates·hiddenSize]; all start uniform in ±1/√hiddenSize. Those of the other direction end in `Reverse`. With a
 * projection, `weightHrLk` [projSize, hiddenSize], outputs have projSize features in the place of hiddenSize.
 */
export abstract class RNNBase<State> extends Module<[x: Tensor, state?: State], [y: Tensor, state: State]> {
  static override readonly name: string = 'RNNBase';
  static readonly pure = true;

  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly hasBias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;
  private readonly kind: RNNKind;
  [weight: `weightIh${RNNLayer}` | `weightHh${RNNLayer}` | `weightHr${RNNLayer}`]: Parameter;
  [bias: `biasIh${RNNLayer}` | `biasHh${RNNLayer}`]: Parameter | undefined;

  constructor(kind: RNNKind, inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    super();
    const { op, gates } = kind;
    const {
      numLayers = 1,
      bias = true,
      batchFirst = false,
      dropout = 0,
      bidirectional = false,
    } = checkOptions(op, options, RNN_OPTIONS);
    this.kind = kind;
    this.inputSize = requireInteger(op, 'inputSize', inputSize);
    this.hiddenSize = requireInteger(op, 'hiddenSize', hiddenSize);
    this.numLayers = requireInteger(op, 'numLayers', numLayers);
    this.hasBias = bias;
    this.batchFirst = batchFirst;
    this.dropout = requireRange(op, 'dropout', dropout, 0, 1);
    this.bidirectional = bidirectional;
    this.projSize = requireRange(
      op,
      'projSize',
      requireInteger(op, 'projSize', kind.projSize ?? 0, 0),
      0,
      hiddenSize - 1,
    );
    if (dropout > 0 && numLayers === 1)
      warn(`${op}: dropout is between layers, and there is one: it does nothing`);
    const rows = gates * hiddenSize;
    for (let k = 0; k < numLayers; k++) {
      const inputs = k === 0 ? inputSize : this.outputSize * this.directions;
      for (const layer of this.layersAt(k)) {
        this[`weightIh${layer}`] = new Parameter(zeros([rows, inputs]));
        this[`weightHh${layer}`] = new Parameter(zeros([rows, this.outputSize]));
        this[`biasIh${layer}`] = bias ? new Parameter(zeros([rows])) : undefined;
        this[`biasHh${layer}`] = bias ? new Parameter(zeros([rows])) : undefined;
        if (this.projSize > 0) this[`weightHr${layer}`] = new Parameter(zeros([this.projSize, hiddenSize]));
      }
    }
    this.resetParameters();
  }

  private get directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  /** The features of the output, of one direction. */
  private get outputSize(): number {
    return this.projSize || this.hiddenSize;
  }

  private layersAt(k: number): RNNLayer[] {
    return this.bidirectional ? [`L${k}`, `L${k}Reverse`] : [`L${k}`];
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** The tensors of a state, in the order of `RNNKind.state`. */
  protected abstract partsOf(state: State): Tensor[];
  protected abstract stateOf(parts: Tensor[]): State;

  /** One step of one layer, from the inputs' and the state's share of the gates: the next state. */
  protected abstract step(fromInput: Tensor, fromState: Tensor, state: readonly Tensor[]): Tensor[];

  /** All steps of one layer by one kernel, as `steps`, where the backend has it. */
  protected abstract allSteps(
    layer: RNNLayer,
    gates: Tensor,
    state: readonly Tensor[],
  ): [y: Tensor, ...state: Tensor[]] | undefined;

  /** @throws ShapeError unless x is [T, N, inputSize] (or batch first) and the state fits */
  forward(x: Tensor, state?: State): [y: Tensor, state: State] {
    requireRank(this.kind.op, x, this.batchFirst ? '[N, T, inputSize]' : '[T, N, inputSize]', 3);
    const parts = state === undefined ? undefined : this.requireState(this.partsOf(state));
    const [y, ...last] = tidy(() => this.allLayers(x, parts));
    return [y, this.stateOf(last)];
  }

  /** @throws ArgumentError, BackendError unless it is the tensors of a state */
  private requireState(parts: Tensor[]): Tensor[] {
    const { op, state } = this.kind;
    if (Array.isArray(parts) && parts.length === state.length) {
      for (const t of parts) kernel.requireTensor(op, t);
      return parts;
    }
    throw new ArgumentError({
      op,
      expected: `a state of the tensors ${state.join(' and ')}`,
      found: describe(parts),
      fix: 'Pass what an earlier call returned as state, or nothing.',
    });
  }

  private allLayers(x: Tensor, given: Tensor[] | undefined): [y: Tensor, ...state: Tensor[]] {
    let y = this.batchFirst ? transpose(x, 0, 1) : x;
    const shapes = this.kind.state.map((_, i) => [
      ...[this.numLayers * this.directions, y.shape[1]],
      i === 0 ? this.outputSize : this.hiddenSize,
    ]);
    const initial = given ?? shapes.map((shape) => zerosOn(x, shape));
    this.checkShapes(y, initial, shapes);
    const last: Tensor[][] = initial.map(() => []);
    let at = 0;
    for (let k = 0; k < this.numLayers; k++) {
      const outputs: Tensor[] = [];
      for (const layer of this.layersAt(k)) {
        const state = initial.map((t) => select(t, 0, at));
        const turn = outputs.length > 0 ? reversed : (t: Tensor) => t;
        const [out, ...end] = this.steps(layer, turn(y), state);
        outputs.push(turn(out));
        for (const [i, t] of end.entries()) last[i].push(t);
        at += 1;
      }
      y = outputs.length > 1 ? cat(outputs, 2) : outputs[0];
      if (this.dropout > 0 && k < this.numLayers - 1) {
        y = dropout(y, this.dropout, { training: this.training });
      }
    }
    return [this.batchFirst ? transpose(y, 0, 1) : y, ...last.map((parts) => stack(parts, 0))];
  }

  private checkShapes(x: Tensor, state: readonly Tensor[], shapes: readonly (readonly number[])[]): void {
    const fits = state.every((t, i) => sameShape(t.shape, shapes[i]));
    if (x.shape[0] > 0 && x.shape[2] === this.inputSize && fits) return;
    const { op, state: names } = this.kind;
    const layers = this.bidirectional ? '2·numLayers' : 'numLayers';
    const different = [...new Set(shapes.map(formatShape))].join(' and ');
    throw new ShapeError({
      op,
      expected: `a step or more of ${this.inputSize} features, and ${names.join(' and ')} of shape ${different}`,
      found: `${x.shape[0]} steps of ${x.shape[2]}, ${state.map((t) => formatShape(t.shape)).join(' and ')}`,
      fix: `x is [T, N, inputSize], or [N, T, inputSize] with batchFirst; the state is [${layers}, N, hiddenSize].`,
    });
  }

  /** One layer over all steps of x [T, N, inputs]: y [T, N, hiddenSize] and the last state. */
  private steps(layer: RNNLayer, x: Tensor, state: readonly Tensor[]): [y: Tensor, ...state: Tensor[]] {
    // The inputs' share of the gates needs no state: one product for all steps.
    const gates = this.inputGates(layer, x);
    const all = this.projSize > 0 ? undefined : this.allSteps(layer, gates, state);
    if (all) return all;
    // For backends without a kernel for all steps.
    const outputs: Tensor[] = [];
    for (let t = 0; t < gates.shape[0]; t++) {
      const [h, ...rest] = this.step(select(gates, 0, t), this.hiddenGates(layer, state[0]), state);
      state = [this.projSize > 0 ? this.projected(layer, h) : h, ...rest];
      outputs.push(state[0]);
    }
    return [stack(outputs, 0), ...state];
  }

  /** The inputs' share of a layer's gates: [..., inputs] → [..., gates·hiddenSize]. */
  protected inputGates(layer: RNNLayer, x: Tensor): Tensor {
    return linear(x, this[`weightIh${layer}`], this[`biasIh${layer}`]);
  }

  /** The state's share of a layer's gates: [N, hiddenSize] → [N, gates·hiddenSize]. */
  protected hiddenGates(layer: RNNLayer, h: Tensor): Tensor {
    return linear(h, this[`weightHh${layer}`], this[`biasHh${layer}`]);
  }

  /** The output of a layer with a projection: [N, hiddenSize] → [N, projSize]. */
  protected projected(layer: RNNLayer, h: Tensor): Tensor {
    return linear(h, this[`weightHr${layer}`]);
  }

  /** Multiplications for one call. */
  macs(input: readonly number[]): number {
    const { hiddenSize, outputSize, numLayers, directions } = this;
    const inputs = this.inputSize + (numLayers - 1) * outputSize * directions;
    const products = this.kind.gates * (inputs + numLayers * outputSize) + numLayers * this.projSize;
    return input[0] * input[1] * directions * hiddenSize * products;
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, hasBias, batchFirst, dropout, bidirectional } = this;
    const rest = {
      numLayers: numLayers === 1 ? undefined : numLayers,
      bias: hasBias ? undefined : false,
      batchFirst: batchFirst || undefined,
      dropout: dropout || undefined,
      bidirectional: bidirectional || undefined,
      projSize: this.projSize || undefined,
    };
    return [`${inputSize}, ${hiddenSize}`, repr(rest)].filter(Boolean).join(', ');
  }
}

/** The steps of x [T, …] from the last to the first. */
function reversed(x: Tensor): Tensor {
  const steps = Array.from({ length: x.shape[0] }, (_, t) => select(x, 0, -1 - t));
  return stack(steps, 0);
}

function zerosOn(like: Tensor, shape: readonly number[]): Tensor {
  return zeros(shape, { dtype: like.storage.dtype, backend: like.backend });
}
