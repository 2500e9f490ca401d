export { AveragePool } from './average-pool';
export {
  BNReLU2d,
  ConvBn1d,
  ConvBn2d,
  ConvBnReLU1d,
  ConvBnReLU2d,
  ConvReLU1d,
  ConvReLU2d,
  FusedModule,
  LinearBn1d,
  LinearBnReLU1d,
  LinearReLU,
} from './fused';
export { FusedIdentity } from './fused-identity';
