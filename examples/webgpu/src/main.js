import { images, measure } from '@octet/example-digits';
import modelUrl from '@octet/example-digits/digits.safetensors?url';
import { showPage } from '@octet/example-digits/page';
import { onGpuOrWasm } from './on-gpu-or-wasm.js';

await showPage(modelUrl, async (checkpoint, show) => {
  const { result, backend, reason } = await onGpuOrWasm((backend) => measure(checkpoint, backend, 5));
  show('backend', backend);
  show('why', reason);
  show('checksum', result.checksum);
  show(`${images} images`, `${result.milliseconds.toFixed(2)} ms`);
});
