export { QatConvBn1d as ConvBn1d, QatConvBnReLU1d as ConvBnReLU1d } from './conv-bn1d';
export { QatConvBn2d as ConvBn2d, QatConvBnReLU2d as ConvBnReLU2d } from './conv-bn2d';
export { QatConv1d as Conv1d, QatConvReLU1d as ConvReLU1d } from './conv1d';
export { QatConv2d as Conv2d, QatConvReLU2d as ConvReLU2d } from './conv2d';
export { freezeBnStats, updateBnStats } from './freeze-bn-stats';
export { QatLinear as Linear, QatLinearReLU as LinearReLU } from './linear';
export { QatLinearBn1d as LinearBn1d, QatLinearBnReLU1d as LinearBnReLU1d } from './linear-bn1d';
