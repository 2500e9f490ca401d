export { FakeQuantizeBase, type FakeQuantizeOptions } from './base';
export { FakeQuantize } from './fake-quantize';
export { FixedQParamsFakeQuantize } from './fixed-qparams-fake-quantize';
export { FusedMovingAvgObsFakeQuantize } from './fused-moving-avg-obs-fake-quantize';
export { LearnableFakeQuantize, type LearnableFakeQuantizeOptions } from './learnable-fake-quantize';
