import type { QuantizedDType } from '@octet/backend';
import { MinMaxObserver, PerChannelMinMaxObserver, quantized } from '@octet/quantization';
import { quantizedTensor } from '@octet/tensor';
import type { Handler } from '../golden-case';
import { quantizationOptions } from './names';

interface PerTensorParams {
  scale: number;
  zero_point: number;
  dtype: QuantizedDType;
}

export const quantizePerTensor: Handler<PerTensorParams> = (c) => {
  const { scale, zero_point, dtype } = c.params;
  const q = c.tensor('x').quantizePerTensor(scale, zero_point, dtype);
  return { int: q, dequantized: q.dequantize() };
};

export const quantizePerChannel: Handler<{ axis: number; dtype: QuantizedDType }> = (c) => {
  const { axis, dtype } = c.params;
  const { data: scales } = c.host('scales');
  const { data: zeroPoints } = c.host('zero_points');
  const q = c.tensor('x').quantizePerChannel(scales, zeroPoints, axis, dtype);
  return { int: q, dequantized: q.dequantize() };
};

interface RequantizeParams {
  x_scale: number;
  x_zero_point: number;
  out_scale: number;
  out_zero_point: number;
  dtype: 'quint8' | 'qint8';
}

export const requantize: Handler<RequantizeParams> = (c) => {
  const { x_scale, x_zero_point, out_scale, out_zero_point, dtype } = c.params;
  const { data, shape } = c.host('x');
  const x = quantizedTensor(data, shape, dtype, {
    scheme: 'perTensor',
    scale: x_scale,
    zeroPoint: x_zero_point,
  });
  const output = { scale: out_scale, zeroPoint: out_zero_point };
  return {
    int:
      dtype === 'quint8'
        ? quantized.functional.requantize(x, output)
        : x.dequantize().quantizePerTensor(output.scale, output.zeroPoint, dtype),
  };
};

/** A weight quantized with the scale that an observer found for it. */
export const weightQuantize: Handler<{ kwargs: { qscheme?: string } }> = async (c) => {
  const { kwargs } = c.params;
  const Observer = kwargs.qscheme?.startsWith('per_channel') ? PerChannelMinMaxObserver : MinMaxObserver;
  const observer = new Observer(quantizationOptions(kwargs));
  const w = c.tensor('w');
  observer.call(w);
  const { scale, zeroPoint } = observer.calculateQparams();
  const scales = await scale.data();
  const zeroPoints = await zeroPoint.data();
  const { chAxis, dtype } = observer;
  const int =
    chAxis === undefined
      ? w.quantizePerTensor(scales[0], zeroPoints[0], dtype)
      : w.quantizePerChannel(scales, zeroPoints, chAxis, dtype);
  return { int, scale, zero_point: zeroPoint };
};
