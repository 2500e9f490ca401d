export {
  DynamicQuantizedGRUCell as GRUCell,
  DynamicQuantizedLSTMCell as LSTMCell,
  DynamicQuantizedRNN as RNN,
  DynamicQuantizedRNNCell as RNNCell,
} from './cells';
export { DynamicQuantizedConv1d as Conv1d, DynamicQuantizedConv2d as Conv2d, isDynamicConv } from './conv';
export { DynamicQuantizedGRU as GRU } from './gru';
export { DynamicQuantizedLinear as Linear } from './linear';
export { DynamicQuantizedLSTM as LSTM } from './lstm';
export { DynamicQuantizedMultiheadAttention as MultiheadAttention } from './multihead-attention';
