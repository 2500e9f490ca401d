import { showDigits } from '@octet/example-digits/page';
import { showInWorker } from '@octet/example-digits/worker-page';

const modelUrl = new URL('@octet/example-digits/digits.safetensors', import.meta.url);
// The wasm as a file of its own. Without `wasmUrl` it comes out of the JavaScript, as `?inlined` shows: then there is
// nothing to configure.
const wasmUrl = new URL('@octet/backend-wasm-simd/simd.wasm', import.meta.url);
const query = new URLSearchParams(location.search);

// `?worker` runs the model in a worker, by `octet/worker`.
if (query.has('worker')) showInWorker(new URL('@octet/example-digits/digits.onnx', import.meta.url));
else showDigits(modelUrl, query.has('inlined') ? {} : { wasmUrl });
