export { QuantizableLSTM as LSTM } from './lstm';
export { QuantizableLSTMCell as LSTMCell } from './lstm-cell';
export { QuantizableMultiheadAttention as MultiheadAttention } from './multihead-attention';
