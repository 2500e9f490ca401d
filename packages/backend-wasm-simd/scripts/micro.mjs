// Times one exported wasm function on one thread, warmed up: the best and the median of many calls.
//
//   node scripts/micro.mjs FUNCTION ARGS… [--units N] [--macs N] [--simd]
//
// An argument is a number, or the address of fresh memory: @BYTES (random bytes) or @COUNTf (random floats in -1..1).
// --units N are the units of one call (1), --macs N its multiply-adds, for GMAC/s. --simd takes the variant without
// relaxed SIMD. For example, 256 rows through 1024 → 1024:
//
//   node scripts/micro.mjs qlinear @262144 @2097152 @4096 @1024f @262144 @8256 8256 256 1024 1024 0 0 0 255 \
//     --units 64 --macs 268435456
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildWasm } from './build-wasm.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { units: { type: 'string' }, macs: { type: 'string' }, simd: { type: 'boolean' } },
});
const [name, ...given] = positionals;
await buildWasm();

const variant = values.simd ? 'simd' : 'relaxed';
const bytes = readFileSync(new URL(`../src/generated/wasm/${variant}.wasm`, import.meta.url));
const memory = new WebAssembly.Memory({ initial: 4096, maximum: 65536 });
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
const fn = exports[name];
if (!fn) {
  console.error(`no function '${name}'. There are: ${Object.keys(exports).join(', ')}`);
  process.exit(2);
}
if (given.length + 3 !== fn.length) {
  console.error(
    `${name} takes ${fn.length - 3} arguments before begin, end and thread: ${given.length} were given`,
  );
  process.exit(2);
}

let top = Math.ceil((exports.heapBase() + 64) / 64) * 64;
const args = given.map((arg) => {
  const [, count, float] = /^@(\d+)(f?)$/.exec(arg) ?? [];
  if (count === undefined) return Number(arg);
  const address = top;
  const length = Number(count);
  const array = float
    ? new Float32Array(memory.buffer, address, length)
    : new Uint8Array(memory.buffer, address, length);
  for (let i = 0; i < length; i++) array[i] = float ? Math.random() * 2 - 1 : Math.random() * 256;
  top += Math.ceil((length * (float ? 4 : 1) + 64) / 64) * 64;
  return address;
});

const units = Number(values.units ?? 1);
const times = [];
const end = performance.now() + 3000;
while (performance.now() < end || times.length < 10) {
  const start = performance.now();
  fn(...args, 0, units, 0);
  times.push(performance.now() - start);
}
// The first third is warming up: V8 compiles the function a second time once it is hot.
const measured = times.slice(times.length / 3).sort((a, b) => a - b);
const show = (ms) =>
  `${(ms * 1000).toFixed(1)} µs${values.macs ? `, ${(values.macs / ms / 1e6).toFixed(1)} GMAC/s` : ''}`;
console.log(`${name} (${variant}, ${measured.length} calls)`);
console.log(`  best    ${show(measured[0])}`);
console.log(`  median  ${show(measured[measured.length >> 1])}`);
