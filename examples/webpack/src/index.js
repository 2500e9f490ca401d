import { showDigits } from '@octet/example-digits/page';

const modelUrl = new URL('@octet/example-digits/digits.safetensors', import.meta.url);
// The wasm as a file of its own. Without `wasmUrl` it comes out of the JavaScript, as `?inlined` shows: then there is
// nothing to configure.
const wasmUrl = new URL('@octet/backend-wasm-simd/simd.wasm', import.meta.url);
const inlined = new URLSearchParams(location.search).has('inlined');

showDigits(modelUrl, inlined ? {} : { wasmUrl });
