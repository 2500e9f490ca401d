export { ConvReLUPool2d, convReLUPool2d } from './conv-relu-pool2d';
export { WeightNormLinear, weightNormLinear } from './weight-norm-linear';
