import { createWasmBackend } from '@octet/backend-wasm-simd';
import { quantized } from '@octet/quantization';
import { Generator, noGrad, quantizedTensor, randint, randn, setBackend, type Tensor } from '@octet/tensor';

// Times of int8 operations on wasm-simd, one thread, least of many runs: node_modules/.bin/octet-run apps/bench/scripts/int8-layers.ts.
// int8-layers.py has the same of PyTorch's engine qnnpack.

const { functional: F } = quantized;
const generator = new Generator(1);
const output = { scale: 0.03, zeroPoint: 120 };

function ints(...shape: number[]): Tensor {
  const q = quantizedTensor(Array.from(randint(0, 256, shape, { generator }).dataSync()), shape, 'quint8', {
    scheme: 'perTensor',
    scale: 0.02,
    zeroPoint: 110,
  });
  return shape.length === 4 ? q.contiguous({ memoryFormat: 'channelsLast' }) : q;
}

const floats = (n: number) => Float32Array.from({ length: n }, () => generator.normal());
const statistics = (c: number) => ({
  weight: floats(c),
  bias: floats(c),
  mean: floats(c),
  variance: floats(c).map((v) => v * v + 0.1),
  eps: 1e-5,
});

setBackend(await createWasmBackend({ threads: 1 }));
const image = ints(1, 64, 56, 56);
const small = ints(1, 256, 14, 14);
const rows = ints(128, 256);
const gate = ints(1, 64, 1, 1);
const [heads, keys] = [ints(1, 4, 128, 64), ints(1, 4, 64, 128)];
const numbers = { 64: statistics(64), 256: statistics(256) };
const slopes = floats(64);
const affine = (n: number) => [randn([n], { generator }), randn([n], { generator })] as const;
const [w64, b64] = affine(64);
const [w256, b256] = affine(256);

const operations: Record<string, () => Tensor> = {
  'batch_norm2d [1,64,56,56]': () => F.batchNorm(image, numbers[64], output),
  'batch_norm2d [1,256,14,14]': () => F.batchNorm(small, numbers[256], output),
  'batch_norm2d_relu [1,64,56,56]': () =>
    F.batchNorm(image, numbers[64], output, [0, Number.POSITIVE_INFINITY]),
  'prelu [1,64,56,56]': () => F.prelu(image, slopes, output),
  'layer_norm [128,256]': () => F.layerNorm(rows, [256], w256, b256, 1e-5, output),
  'group_norm(8) [1,64,56,56]': () => F.groupNorm(image, 8, w64, b64, 1e-5, output),
  'instance_norm [1,64,56,56]': () => F.groupNorm(image, 64, w64, b64, 1e-5, output),
  'softmax [128,256]': () => rows.softmax(-1),
  'hardsigmoid [1,64,56,56]': () => image.hardsigmoid(),
  'elu [1,64,56,56]': () => F.activation('elu', image, { alpha: 1 }, output),
  'hardswish [1,64,56,56]': () => F.hardswish(image, output),
  'mean [1,64,56,56]': () => image.mean([2, 3]),
  'mul by a gate [1,64,56,56]': () => F.mul(image, gate, output),
  'add [1,64,56,56]': () => F.add(image, image, output),
  'matmul [1,4,128,64] x [1,4,64,128]': () => F.matmul(heads, keys, output),
};

const best: Record<string, number> = {};
for (let round = 0; round < 30; round++) {
  for (const [name, run] of Object.entries(operations)) {
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      noGrad(() => run()).dispose();
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, performance.now() - start);
    }
  }
}
for (const [name, ms] of Object.entries(best)) console.log(`${name.padEnd(40)} ${(1000 * ms).toFixed(0)} µs`);
