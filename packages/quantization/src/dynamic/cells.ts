/** Recurrent cells, and the plain recurrent layer, with int8 weights: what goes into a product is quantized at every call. */
import {
  GRUCell,
  LSTMCell,
  type PlainRNNCellOptions,
  type PlainRNNOptions,
  RNN,
  RNNCell,
  type RNNCellOptions,
} from '@octet/nn/modules';
import { dynamicRecurrent } from './recurrent';

/** An RNNCell with int8 weights that quantizes input and state at every product. */
export class DynamicQuantizedRNNCell extends /* @__PURE__ */ dynamicRecurrent<RNNCell, PlainRNNCellOptions>(
  'cell',
  RNNCell,
  { own: 'nonlinearity' },
) {
  static override readonly name: string = 'DynamicQuantizedRNNCell';
}

/** A GRUCell with int8 weights that quantizes input and state at every product. */
export class DynamicQuantizedGRUCell extends /* @__PURE__ */ dynamicRecurrent<GRUCell, RNNCellOptions>(
  'cell',
  GRUCell,
) {
  static override readonly name: string = 'DynamicQuantizedGRUCell';
}

/** An LSTMCell with int8 weights that quantizes input and state at every product. */
export class DynamicQuantizedLSTMCell extends /* @__PURE__ */ dynamicRecurrent<LSTMCell, RNNCellOptions>(
  'cell',
  LSTMCell,
) {
  static override readonly name: string = 'DynamicQuantizedLSTMCell';
}

/** An RNN with int8 weights that quantizes inputs and hidden state at every product; PyTorch has none. */
export class DynamicQuantizedRNN extends /* @__PURE__ */ dynamicRecurrent<RNN, PlainRNNOptions>(
  'layer',
  RNN,
  {
    own: 'nonlinearity',
  },
) {
  static override readonly name: string = 'DynamicQuantizedRNN';
}
