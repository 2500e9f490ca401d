import { checkOptions, QuantizationError, ShapeError, warn } from '@octet/backend';
import {
  LSTM,
  type LSTMState,
  Module,
  ModuleList,
  RNN_OPTIONS,
  type RNNLayer,
  type RNNOptions,
  skipInit,
} from '@octet/nn/modules';
import {
  cat,
  formatShape,
  kernel,
  requirePerTensor,
  sameShape,
  select,
  slice,
  stack,
  type Tensor,
  tidy,
  transpose,
  unsqueeze,
} from '@octet/tensor/functional';
import { quantizedCat } from '../functional/arithmetic';
import { type CellState, QuantizableLSTMCell } from './lstm-cell';

const OP = 'quantizable.LSTM';

/** One direction of one layer: x [T, N, inputs] → all h [T, N, hiddenSize] and the last [h, c]. */
class LSTMSingleLayer extends Module<[x: Tensor, state?: CellState], [y: Tensor, state: CellState]> {
  static override readonly name: string = 'LSTMSingleLayer';
  static readonly pure = true;

  constructor(
    readonly cell: QuantizableLSTMCell,
    /** Whether it reads from the last step to the first. */
    private readonly reverse: boolean,
  ) {
    super();
  }

  forward(x: Tensor, state?: CellState): [y: Tensor, state: CellState] {
    const [y, h, c] = tidy(() => {
      const [steps] = x.shape;
      const outputs = new Array<Tensor>(steps);
      let at = state;
      for (let i = 0; i < steps; i++) {
        const t = this.reverse ? steps - 1 - i : i;
        at = this.cell.call(select(x, 0, t), at);
        outputs[t] = at[0];
      }
      return [stack(outputs, 0), ...(at as CellState)];
    });
    return [y, [h, c]];
  }
}

/** One layer in one direction or both: x [T, N, inputs], h and c [directions, N, hiddenSize] → y [T, N, directions·hiddenSize], [h, c]. */
class LSTMLayer extends Module<[x: Tensor, state?: CellState], [y: Tensor, state: CellState]> {
  static override readonly name: string = 'LSTMLayer';
  static readonly pure = true;

  constructor(
    readonly layerFw: LSTMSingleLayer,
    readonly layerBw: LSTMSingleLayer | undefined,
  ) {
    super();
  }

  forward(x: Tensor, state?: CellState): [y: Tensor, state: CellState] {
    const [y, h, c] = tidy(() => {
      const at = (i: number) => state && ([select(state[0], 0, i), select(state[1], 0, i)] as CellState);
      const ways = [this.layerFw, ...(this.layerBw ? [this.layerBw] : [])];
      const made = ways.map((way, i) => way.call(x, at(i)));
      const rows = (t: Tensor) => unsqueeze(t, 0);
      return [
        joined(
          made.map(([out]) => out),
          2,
        ),
        joined(
          made.map(([, [last]]) => rows(last)),
          0,
        ),
        joined(
          made.map(([, [, last]]) => rows(last)),
          0,
        ),
      ];
    });
    return [y, [h, c]];
  }
}

/**
 * An `LSTM` of layers that can be observed one by one: PyTorch's `torch.ao.nn.quantizable.LSTM`, which `prepare` puts in the place of an
 * `LSTM`. x [T, N, inputSize] (or batch first) → [y [T, N, directions·hiddenSize], [h, c]], h and c [numLayers·directions, N, hiddenSize];
 * in float, and in quint8 once it is converted. Without a state h and c start as zeros. Integers of several layers or directions are
 * joined at the scale of the first.
 */
export class QuantizableLSTM extends Module<[x: Tensor, state?: LSTMState], [y: Tensor, state: LSTMState]> {
  static override readonly name: string = 'QuantizableLSTM';
  static readonly pure = true;

  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly hasBias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly layers: ModuleList<LSTMLayer>;

  /** @throws ArgumentError for sizes below 1, or a dropout outside of 0 to 1 */
  constructor(inputSize: number, hiddenSize: number, options?: RNNOptions) {
    super();
    const lstm = new LSTM(inputSize, hiddenSize, checkOptions(OP, options, RNN_OPTIONS));
    this.inputSize = lstm.inputSize;
    this.hiddenSize = lstm.hiddenSize;
    this.numLayers = lstm.numLayers;
    this.hasBias = lstm.hasBias;
    this.batchFirst = lstm.batchFirst;
    this.dropout = lstm.dropout;
    this.bidirectional = lstm.bidirectional;
    this.layers = layersOf(lstm);
    if (lstm.dropout > 0)
      warn(
        `${OP}: dropout does nothing here, as in PyTorch: the layer is for calibration, and to finish training.`,
      );
  }

  /** The layer with the parameters of a float one. @throws QuantizationError for one with a projection, as which PyTorch has none */
  static fromFloat(lstm: LSTM): QuantizableLSTM {
    if (lstm.projSize > 0) {
      throw new QuantizationError({
        op: OP,
        expected: 'an LSTM without a projection',
        found: `projSize ${lstm.projSize}`,
        fix: 'Leave it in float, or give it int8 weights by quantizeDynamic.',
      });
    }
    const { inputSize, hiddenSize } = lstm;
    const made = skipInit(() => new QuantizableLSTM(inputSize, hiddenSize, optionsOf(lstm)));
    return Object.assign(made, { layers: layersOf(lstm) }).train(lstm.training);
  }

  /** @throws ShapeError unless x is [T, N, inputSize] (or batch first) and the state fits */
  forward(x: Tensor, state?: LSTMState): [y: Tensor, state: LSTMState] {
    kernel.requireTensor(OP, x, ...(state ?? []));
    kernel.requireRank(OP, 'x', x, 3);
    const [y, h, c] = tidy(() => {
      let out = this.batchFirst ? transpose(x, 0, 1) : x;
      this.requireShapes(out, state);
      const directions = this.bidirectional ? 2 : 1;
      const last: CellState[] = [];
      for (const [k, layer] of [...this.layers].entries()) {
        const of = (t: Tensor) => slice(t, 0, k * directions, (k + 1) * directions);
        const [made, end] = layer.call(out, state && [of(state[0]), of(state[1])]);
        out = made;
        last.push(end);
      }
      return [
        this.batchFirst ? transpose(out, 0, 1) : out,
        joined(
          last.map(([hk]) => hk),
          0,
        ),
        joined(
          last.map(([, ck]) => ck),
          0,
        ),
      ];
    });
    return [y, [h, c]];
  }

  private requireShapes(x: Tensor, state: LSTMState | undefined): void {
    const { inputSize, hiddenSize, numLayers } = this;
    const shape = [numLayers * (this.bidirectional ? 2 : 1), x.shape[1], hiddenSize];
    const fits = x.shape[2] === inputSize && (state ?? []).every((t) => sameShape(t.shape, shape));
    if (x.shape[0] > 0 && fits) return;
    throw new ShapeError({
      op: OP,
      expected: `a step or more of ${inputSize} features, and h and c ${formatShape(shape)}`,
      found: `${x.shape[0]} steps of ${x.shape[2]}, ${(state ?? []).map((t) => formatShape(t.shape)).join(' and ') || 'no state'}`,
      fix: 'x is [T, N, inputSize], or [N, T, inputSize] with batchFirst; the state is never batch first.',
    });
  }

  /** The float layer. */
  toFloat(): LSTM {
    const made = skipInit(() => new LSTM(this.inputSize, this.hiddenSize, optionsOf(this)));
    for (const [k, { layerFw, layerBw }] of [...this.layers].entries()) {
      assign(made, `L${k}`, layerFw.cell);
      if (layerBw) assign(made, `L${k}Reverse`, layerBw.cell);
    }
    return made.train(this.training);
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers } = this;
    return `${inputSize}, ${hiddenSize}${numLayers > 1 ? `, numLayers=${numLayers}` : ''}`;
  }
}

function layersOf(lstm: LSTM): ModuleList<LSTMLayer> {
  const way = (layer: RNNLayer, reverse: boolean) => {
    const [ih, hh] = [lstm[`weightIh${layer}`], lstm[`weightHh${layer}`]];
    const biases = [lstm[`biasIh${layer}`], lstm[`biasHh${layer}`]] as const;
    return new LSTMSingleLayer(
      QuantizableLSTMCell.fromParams(ih.shape[1], lstm.hiddenSize, [ih, hh], biases),
      reverse,
    );
  };
  return new ModuleList(
    Array.from({ length: lstm.numLayers }, (_, k) => {
      return new LSTMLayer(way(`L${k}`, false), lstm.bidirectional ? way(`L${k}Reverse`, true) : undefined);
    }),
  );
}

function assign(lstm: LSTM, layer: RNNLayer, cell: QuantizableLSTMCell): void {
  const { weightIh, weightHh, biasIh, biasHh } = cell.floatParams();
  lstm[`weightIh${layer}`] = weightIh;
  lstm[`weightHh${layer}`] = weightHh;
  lstm[`biasIh${layer}`] = biasIh;
  lstm[`biasHh${layer}`] = biasHh;
}

/** The options that make a layer of the same form. */
function optionsOf(lstm: LSTM | QuantizableLSTM): RNNOptions {
  const { numLayers, hasBias: bias, batchFirst, dropout, bidirectional } = lstm;
  return { numLayers, bias, batchFirst, dropout, bidirectional };
}

/** Tensors one after the other; integers at the scale of the first. */
function joined(parts: readonly Tensor[], dim: number): Tensor {
  const [first] = parts;
  if (parts.length === 1) return first;
  if (!first.qparams) return cat(parts, dim);
  const { scale, zeroPoint } = requirePerTensor(OP, first.qparams);
  return quantizedCat(parts, dim, { scale, zeroPoint });
}
