export * from '@octet/backend-wasm-simd/inference';
