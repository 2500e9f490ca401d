import { readFile } from 'node:fs/promises';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { images, measure } from '@octet/example-digits';

const checkpoint = await readFile(new URL(import.meta.resolve('@octet/example-digits/digits.safetensors')));
const backend = await createWasmBackend();
await backend.ready; // all threads have started: for the timing only
const { milliseconds, checksum } = await measure(checkpoint, backend);
const { variant, threads } = backend.info();
console.log(`ES module: ${variant}, ${threads} threads, ${images} images in ${milliseconds.toFixed(2)} ms`);
console.log(`checksum ${checksum}`);
backend.dispose();
