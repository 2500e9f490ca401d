import {
  HistogramObserver,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  type ObserverFactory,
  PerChannelMinMaxObserver,
} from '@octet/quantization';
import type { Handler } from '../golden-case';
import { quantizationOptions } from './names';
import { Rows } from './record';

/** The observers by PyTorch's names; the histogram's of 1.13 has its name, those of 2.0 and of 2.13 their own. */
export const observers = {
  MinMaxObserver: MinMaxObserver.withArgs({}),
  MovingAverageMinMaxObserver: MovingAverageMinMaxObserver.withArgs({}),
  PerChannelMinMaxObserver: PerChannelMinMaxObserver.withArgs({}),
  MovingAveragePerChannelMinMaxObserver: MovingAveragePerChannelMinMaxObserver.withArgs({}),
  HistogramObserver: HistogramObserver.withArgs({ histcRange: 'int' }),
  HistogramObserverCurrent: HistogramObserver.withArgs({}),
  HistogramObserverFloatRange: HistogramObserver.withArgs({ histcRange: 'float' }),
} satisfies Record<string, ObserverFactory>;

interface ObserverParams {
  observer: keyof typeof observers;
  kwargs: object;
  n_batches: number;
}

/** Range and scale after every batch. */
export const observer: Handler<ObserverParams> = async (c) => {
  const factory = observers[c.params.observer].withArgs(quantizationOptions(c.params.kwargs));
  const observer = factory() as MinMaxObserver | HistogramObserver;
  const rows = new Rows();
  for (let i = 0; i < c.params.n_batches; i++) {
    observer.call(c.tensor(`x${i}`));
    const { scale, zeroPoint } = observer.calculateQparams();
    const { minVal, maxVal } = observer;
    await rows.push({ min_val: minVal, max_val: maxVal, scale, zero_point: zeroPoint });
    if (observer instanceof HistogramObserver) await rows.push({ histogram: observer.histogram });
  }
  return { ...rows.outputs(), quant_min_max: [observer.quantMin, observer.quantMax] };
};
