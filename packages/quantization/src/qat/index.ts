export {
  freezeBnStats,
  QatConvBn2d as ConvBn2d,
  QatConvBnReLU2d as ConvBnReLU2d,
  updateBnStats,
} from './conv-bn2d';
export { QatConv2d as Conv2d, QatConvReLU2d as ConvReLU2d } from './conv2d';
export { QatLinear as Linear, QatLinearReLU as LinearReLU } from './linear';
