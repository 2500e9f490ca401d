export {
  DynamicQuantizedGRUCell as GRUCell,
  DynamicQuantizedLSTMCell as LSTMCell,
  DynamicQuantizedRNN as RNN,
  DynamicQuantizedRNNCell as RNNCell,
} from './cells';
export { DynamicQuantizedGRU as GRU } from './gru';
export { DynamicQuantizedLinear as Linear } from './linear';
export { DynamicQuantizedLSTM as LSTM } from './lstm';
export { DynamicQuantizedMultiheadAttention as MultiheadAttention } from './multihead-attention';
