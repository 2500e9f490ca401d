import { add, chunk, gruLayer, mul, select, sigmoid, sub, type Tensor, tanh } from '@octet/tensor/functional';
import { RNNBase, type RNNLayer, type RNNOptions } from './rnn-base';

export type GRUOptions = RNNOptions;

/**
 * Gated recurrent unit: x [T, N, inputSize], h0 [numLayers, N, hiddenSize] → [y [T, N, hiddenSize], h after the last step].
 * At each step
 *
 *     xr, xz, xn = x · weightIhᵀ + biasIh
 *     hr, hz, hn = h · weightHhᵀ + biasHh
 *     r = σ(xr + hr)
 *     z = σ(xz + hz)
 *     n = tanh(xn + r · hn)
 *     h = (1 - z) · n + z · h
 *
 * The parameters of layer k: `weightIhLk` [3·hiddenSize, inputs], `weightHhLk` [3·hiddenSize, hiddenSize], `biasIhLk`
 * and `biasHhLk` [3·hiddenSize], the gates in this order; all start uniform in ±1/√hiddenSize. Without a state h starts as
 * zeros.
 */
export class GRU extends RNNBase<Tensor> {
  static override readonly name: string = 'GRU';

  /** @throws ArgumentError for sizes below 1, or a dropout outside of 0 to 1 */
  constructor(inputSize: number, hiddenSize: number, options?: GRUOptions) {
    super({ op: 'GRU', gates: 3, state: ['h'] }, inputSize, hiddenSize, options);
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
    const r = sigmoid(add(xr, hr));
    const n = tanh(add(xn, mul(r, hn)));
    return [add(n, mul(sigmoid(add(xz, hz)), sub(h, n)))];
  }

  protected override allSteps(
    layer: RNNLayer,
    gates: Tensor,
    [h0]: readonly Tensor[],
  ): [y: Tensor, h: Tensor] | undefined {
    const y = this.layerKernel(layer, gates, h0);
    return y && [y, select(y, 0, -1)];
  }

  /** All h of a layer by one kernel, [T, N, hiddenSize], where the backend has it. */
  protected layerKernel(layer: RNNLayer, gates: Tensor, h0: Tensor): Tensor | undefined {
    if (!gates.backend.kernels.gru) return undefined;
    return gruLayer(gates, this[`weightHh${layer}`], h0, this[`biasHh${layer}`]);
  }
}
