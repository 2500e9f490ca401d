// Everything exported here can be called from TypeScript by its name. See ../README.md for the rules.
export * from './conv';
export * from './depthwise';
export * from './elementwise';
export * from './gemm';
export * from './memory';
export * from './qdepthwise';
export * from './qgemm';
export * from './reductions';
