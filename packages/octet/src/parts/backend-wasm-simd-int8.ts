export * from '@octet/backend-wasm-simd/int8';
