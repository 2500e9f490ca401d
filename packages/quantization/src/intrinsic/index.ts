export { ConvBn2d, ConvBnReLU2d, ConvReLU2d, FusedModule, LinearReLU } from './fused';
