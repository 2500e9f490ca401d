import { Linear, LSTM, ModuleList } from '@octet/nn';
import { defaultDynamicQConfig, perChannelDynamicQConfig, quantizeDynamic } from '@octet/quantization';
import { noGrad } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { describeInt8 } from './int8-model';

interface LinearParams {
  in_features: number;
  out_features: number;
  per_channel: boolean;
}

export const dynamicLinear: Handler<LinearParams> = async (c) => {
  const { in_features, out_features, per_channel } = c.params;
  const linear = new Linear(in_features, out_features, { bias: c.has('state.bias') });
  linear.loadStateDict(c.tensors('state.'));
  const qconfig = per_channel ? perChannelDynamicQConfig : defaultDynamicQConfig;
  const model = await quantizeDynamic(new ModuleList([linear]), { qconfig });
  const int8 = model.at(0);
  return { y: noGrad(() => int8.call(c.tensor('x'))), ...(await describeInt8('', int8)) };
};

interface LSTMParams {
  input_size: number;
  hidden_size: number;
  num_layers: number;
}

/** The int8 model's output and state, and the float model's output. */
export const dynamicLstm: Handler<LSTMParams> = async (c) => {
  const { input_size, hidden_size, num_layers } = c.params;
  const lstm = new LSTM(input_size, hidden_size, {
    numLayers: num_layers,
    bias: c.has('state.bias_ih_l0'),
  }).eval();
  lstm.loadStateDict(c.tensors('state.'));
  const model = await quantizeDynamic(new ModuleList([lstm]), { qconfig: defaultDynamicQConfig });
  const x = c.tensor('x');
  return noGrad(() => {
    const [y, [h, state]] = model.at(0).call(x);
    return { y, h, c: state, y_float: lstm.call(x)[0] };
  });
};
