// The runtime that an app ships, whole: the built packages with all that they export. `pnpm size` bundles it.
export * as backend from '../../packages/backend/dist/modules/index.js';
export * as reference from '../../packages/backend-js-reference/dist/modules/index.js';
export * as wasm from '../../packages/backend-wasm-simd/dist/index.js';
export * as graph from '../../packages/graph/dist/index.js';
export * as nn from '../../packages/nn/dist/modules/index.js';
export * as quantization from '../../packages/quantization/dist/modules/index.js';
export * as tensor from '../../packages/tensor/dist/modules/index.js';
