/** A process that starts, loads the int8 digits network, reads one digit, and says how long each step took. */
import { performance } from 'node:perf_hooks';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { load } from '@octet/formats';
import { skipInit } from '@octet/nn';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { noGrad, setBackend, tensor } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';
import type { ColdPhases, ColdRequest } from './phases';

const imported = performance.now();
const { checkpoint, threads } = JSON.parse(process.argv[2]) as ColdRequest;

const backend = await createWasmBackend({ threads });
setBackend(backend);
const instantiated = performance.now();

const model = skipInit(() => new DigitClassifier()).eval();
model.fuseModel();
const prepared = prepare(model, getDefaultQConfigMapping(), { inplace: true });
const int8 = await convert(prepared, { inplace: true, requireCalibration: false });
int8.loadStateDict(await load(checkpoint));
const loaded = performance.now();

const image = tensor(new Float32Array(28 * 28).fill(0.5), [1, 1, 28, 28]);
await noGrad(() => int8.call(image).argmax(1)).item();
const ran = performance.now();

const { bootstrapComplete } = performance.nodeTiming;
const phases: ColdPhases = {
  node: bootstrapComplete,
  import: imported - bootstrapComplete,
  instantiate: instantiated - imported,
  load: loaded - instantiated,
  run: ran - loaded,
};
process.send?.(phases);
process.disconnect?.();
