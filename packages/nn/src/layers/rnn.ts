import { checkOptions, requireOneOf } from '@octet/backend';
import { add, relu, type Tensor, tanh } from '@octet/tensor/functional';
import { RNNBase, type RNNOptions } from './rnn-base';

/** What a plain recurrent layer makes of its sums. */
export type RNNNonlinearity = 'tanh' | 'relu';

export interface PlainRNNOptions extends RNNOptions {
  nonlinearity?: RNNNonlinearity;
}

/**
 * Plain recurrent layer (Elman, 1990): x [T, N, inputSize], h0 [numLayers, N, hiddenSize] → [y [T, N, hiddenSize], h after the last step]. At
 * each step
 *
 *     h = tanh(x · weightIhᵀ + biasIh + h · weightHhᵀ + biasHh)
 *
 * or relu in the place of tanh. The parameters of layer k: `weightIhLk` [hiddenSize, inputs], `weightHhLk` [hiddenSize, hiddenSize],
 * `biasIhLk` and `biasHhLk` [hiddenSize]; all start uniform in ±1/√hiddenSize. Without a state h starts as zeros.
 */
export class RNN extends RNNBase<Tensor> {
  static override readonly name: string = 'RNN';

  readonly nonlinearity: RNNNonlinearity;

  /** @throws ArgumentError for sizes below 1, a dropout outside of 0 to 1, or another nonlinearity */
  constructor(inputSize: number, hiddenSize: number, options?: PlainRNNOptions) {
    const { nonlinearity = 'tanh', ...rest } = checkOptions(
      'RNN',
      options,
      'numLayers bias batchFirst dropout bidirectional nonlinearity',
    );
    requireOneOf('RNN', 'nonlinearity', nonlinearity, ['tanh', 'relu']);
    super({ op: 'RNN', gates: 1, state: ['h'] }, inputSize, hiddenSize, rest);
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

  /** No backend has a kernel for it: a step is three of them. */
  protected override allSteps(): undefined {
    return undefined;
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === 'tanh' ? '' : ', nonlinearity=relu');
  }
}
