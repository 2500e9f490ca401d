import onnxUrl from '@octet/example-digits/digits.onnx?url';
import modelUrl from '@octet/example-digits/digits.safetensors?url';
import { showDigits } from '@octet/example-digits/page';
import { showInWorker } from '@octet/example-digits/worker-page';

// `?worker` runs the model in a worker, by `octet/worker`.
const inWorker = new URLSearchParams(location.search).has('worker');
await (inWorker ? showInWorker(onnxUrl) : showDigits(modelUrl));
