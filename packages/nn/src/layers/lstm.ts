import { add, chunk, lstmLayer, mul, select, sigmoid, type Tensor, tanh } from '@octet/tensor/functional';
import { RNNBase, type RNNLayer, type RNNOptions } from './rnn-base';

export type LSTMOptions = RNNOptions;

/** h and c, each [numLayers, N, hiddenSize]; of both directions, layer by layer, where it is bidirectional. */
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
export class LSTM extends RNNBase<LSTMState> {
  static override readonly name: string = 'LSTM';

  /** @throws ArgumentError for sizes below 1, or a dropout outside of 0 to 1 */
  constructor(inputSize: number, hiddenSize: number, options?: LSTMOptions) {
    super({ op: 'LSTM', gates: 4, state: ['h', 'c'] }, inputSize, hiddenSize, options);
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
