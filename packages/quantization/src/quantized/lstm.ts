import { QuantizableLSTM } from '../quantizable/lstm';

/** An LSTM in int8: x quint8 [T, N, inputSize] → [y, [h, c]] in quint8. What `convert` makes of `quantizable.LSTM`. */
export class QuantizedLSTM extends QuantizableLSTM {
  static override readonly name: string = 'QuantizedLSTM';

  /** The layer of the same modules, as PyTorch's `from_observed`. */
  static fromObserved(observed: QuantizableLSTM): QuantizedLSTM {
    return Object.assign(Object.create(QuantizedLSTM.prototype) as QuantizedLSTM, observed);
  }
}
