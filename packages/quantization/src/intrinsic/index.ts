export { ConvBn2d, ConvBnReLU2d, ConvReLU2d, FusedModule, LinearReLU } from './fused';
export { FusedIdentity } from './fused-identity';
