// One line an observer: adding one is a file here and this line.
export { Observer, type ObserverOptions, type QScheme, RangeObserver } from './base';
export { FixedQParamsObserver, type FixedQParamsOptions } from './fixed-qparams';
export { HistogramObserver, type HistogramOptions } from './histogram';
export { MinMaxObserver } from './min-max';
export { MovingAverageMinMaxObserver, type MovingAverageOptions } from './moving-average-min-max';
export { MovingAveragePerChannelMinMaxObserver } from './moving-average-per-channel-min-max';
export { MSEObserver } from './mse';
export { NoopObserver } from './noop';
export { PerChannelMinMaxObserver, type PerChannelOptions } from './per-channel-min-max';
export { RecordingObserver } from './recording';
