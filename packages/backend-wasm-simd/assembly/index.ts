// Everything exported here can be called from TypeScript by its name. See ../README.md for the rules.
export * from './conv';
export * from './depthwise';
export * from './elementwise';
export * from './gemm';
export * from './memory';
export * from './move';
export * from './norm';
export * from './observers';
export * from './optim';
export * from './pool';
export * from './qdepthwise';
export * from './qelementwise';
export * from './qgemm';
export * from './qpool';
export * from './quantize';
export * from './reductions';
export * from './softmax';
export { spreadTable } from './spread';
