import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';

const address = (file: string) => new URL(file, import.meta.url).href;

/** Where TensorFlow.js finds the WebAssembly that it chooses. */
export const wasmPaths = {
  'tfjs-backend-wasm.wasm': address(plain),
  'tfjs-backend-wasm-simd.wasm': address(simd),
  'tfjs-backend-wasm-threaded-simd.wasm': address(threaded),
};
