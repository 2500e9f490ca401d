import { checkOptions } from '@octet/backend';
import { add, chunk, lstmLayer, mul, select, sigmoid, type Tensor, tanh } from '@octet/tensor/functional';
import { RNN_OPTIONS, RNNBase, type RNNLayer, type RNNOptions } from './rnn-base';

export interface LSTMOptions extends RNNOptions {
  /** Features that h is projected to after each step, less than hiddenSize; 0: none. Default: 0. */
  projSize?: number;
}

/** h and c, each [numLayers, N, hiddenSize], h with projSize features where it is projected; of both directions, layer by layer, where it is bidirectional. */
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
 * start as zeros. With `projSize` h is `weightHrLk` [projSize, hiddenSize] times that (https://arxiv.org/abs/1402.1128), and has
 * projSize features everywhere.
 */
export class LSTM extends RNNBase<LSTMState> {
  static override readonly name: string = 'LSTM';

  /** @throws ArgumentError for sizes below 1, a dropout outside of 0 to 1, or a projSize that isn't less than hiddenSize */
  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    const { projSize = 0, ...rest } = checkOptions('LSTM', options, `${RNN_OPTIONS} projSize`);
    super({ op: 'LSTM', gates: 4, state: ['h', 'c'], projSize }, inputSize, hiddenSize, rest);
  }

  protected override partsOf(state: LSTMState): Tensor[] {
    return state;
  }

  protected override stateOf([h, c]: Tensor[]): LSTMState {
    return [h, c];
  }

  protected override step(fromInput: Tensor, fromState: Tensor, [, c]: readonly Tensor[]): Tensor[] {
    const [i, f, g, o] = chunk(add(fromInput, fromState), 4, 1);
    const next = add(mul(sigmoid(f), c), mul(sigmoid(i), tanh(g)));
    return [mul(sigmoid(o), tanh(next)), next];
  }

  protected override allSteps(
    layer: RNNLayer,
    gates: Tensor,
    [h0, c0]: readonly Tensor[],
  ): [y: Tensor, h: Tensor, c: Tensor] | undefined {
    const all = this.layerKernel(layer, gates, h0, c0);
    if (!all) return undefined;
    const y = select(all, 0, 0);
    return [y, select(y, 0, -1), select(select(all, 0, 1), 0, -1)];
  }

  /** All h and all c of a layer by one kernel, [2, T, N, hiddenSize], where the backend has it. */
  protected layerKernel(layer: RNNLayer, gates: Tensor, h0: Tensor, c0: Tensor): Tensor | undefined {
    if (!gates.backend.kernels.lstm) return undefined;
    return lstmLayer(gates, this[`weightHh${layer}`], h0, c0, this[`biasHh${layer}`]);
  }
}
