import { LSTM, type LSTMOptions } from '@octet/nn/modules';
import { dynamicLstmLayer } from '../functional/lstm';
import { dynamicRecurrent } from './recurrent';

/** An LSTM with int8 weights that quantizes inputs and hidden state at every product; gates and state stay in float. */
export class DynamicQuantizedLSTM extends /* @__PURE__ */ dynamicRecurrent<LSTM, LSTMOptions>('layer', LSTM, {
  own: 'projSize',
  layerKernel: (gates, weight, [h0, c0], options) =>
    gates.backend.kernels.qlstmDynamic && dynamicLstmLayer(gates, weight, h0, c0, options),
}) {
  static override readonly name: string = 'DynamicQuantizedLSTM';
}
