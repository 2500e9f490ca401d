/**
 * Convolutions that quantize their inputs at every call beside float and static int8 ones, on WebAssembly:
 * `octet-run apps/bench/scripts/dynamic-convolutions.ts [THREADS] [ROUNDS]`. `rows` is the same by windows that are written out as rows of
 * floats, as it was done before there was a kernel. All in turn, ROUNDS (60) blocks of three calls each.
 */
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { Conv1d, Conv2d } from '@octet/nn';
import { dynamic, quantized } from '@octet/quantization';
import { manualSeed, noGrad, randn, scope, setBackend, type Tensor, unfold } from '@octet/tensor';
import { median } from '../src/timing';

const [threads = 1, rounds = 60] = process.argv.slice(2).map(Number);
const backend = await createWasmBackend({ threads });
setBackend(backend);
manualSeed(1);

const cases: readonly [name: string, conv: Conv1d | Conv2d, shape: readonly number[]][] = [
  ['3 × 3 [1,64,56,56] → 64', new Conv2d(64, 64, 3, { padding: 1 }), [1, 64, 56, 56]],
  ['3 × 3 [1,256,14,14] → 256', new Conv2d(256, 256, 3, { padding: 1 }), [1, 256, 14, 14]],
  ['3 × 3, stride 2 [1,3,224,224] → 32', new Conv2d(3, 32, 3, { stride: 2, padding: 1 }), [1, 3, 224, 224]],
  ['1 × 1 [1,64,56,56] → 128', new Conv2d(64, 128, 1), [1, 64, 56, 56]],
  ['5 [1,256,512] → 512', new Conv1d(256, 512, 5, { padding: 2 }), [1, 256, 512]],
  ['3 × 3, 8 groups [1,64,56,56] → 64', new Conv2d(64, 64, 3, { padding: 1, groups: 8 }), [1, 64, 56, 56]],
  ['3 × 3, depthwise [1,64,56,56]', new Conv2d(64, 64, 3, { padding: 1, groups: 64 }), [1, 64, 56, 56]],
];

/** With a scale for each output. */
function toInt8(weight: Tensor): Tensor {
  const largest = weight
    .abs()
    .amax([...weight.shape.keys()].slice(1))
    .dataSync();
  const scales = Array.from(largest, (w) => w / 127);
  const zeros = scales.map(() => 0);
  return weight.quantizePerChannel(scales, zeros, 0, 'qint8');
}

function waysOf(conv: Conv1d | Conv2d, shape: readonly number[]): Record<string, () => Tensor> {
  const { PackedWeight, conv1d, conv2d, dynamicLinear } = quantized.functional;
  const weight = toInt8(conv.weight.detach());
  const bias = conv.bias?.detach();
  // In memory as a layer before leaves it.
  const x = channelsLast(randn([...shape]));
  const q = x.quantizePerTensor(0.04, 128, 'quint8');
  const packed = new PackedWeight('static', weight, bias);
  const rows = new PackedWeight('rows', toInt8(conv.weight.detach().reshape([conv.outChannels, -1])), bias);
  const output = { scale: 0.05, zeroPoint: 128 };
  const { stride, padding, dilation } = conv;
  const is1d = conv instanceof Conv1d;
  const image = { stride, padding, dilation } as { stride: [number]; padding: [number]; dilation: [number] };
  const pair = (first: number, size: readonly number[]) =>
    (is1d ? [first, ...size] : size) as [number, number];
  const options = { stride: pair(1, image.stride), padding: pair(0, image.padding) };
  const layer = is1d ? new dynamic.Conv1d(conv, weight) : new dynamic.Conv2d(conv, weight);
  return {
    float32: () => conv.call(x),
    static: () =>
      is1d
        ? conv1d(q, packed, { ...conv.options, ...output })
        : conv2d(q, packed, { ...conv.options, ...output }),
    dynamic: () => layer.call(x),
    ...(conv.groups === 1 && {
      rows: () =>
        scope(() => {
          const [n, c, ...size] = x.shape;
          const isPoint = conv.kernelSize.every((k) => k === 1);
          const columns = isPoint
            ? x.reshape([n, c, -1])
            : unfold(x.reshape([n, c, ...pair(1, size)]), pair(1, conv.kernelSize), options);
          return dynamicLinear(columns.transpose(1, 2), rows);
        }),
    }),
  };
}

function channelsLast(x: Tensor): Tensor {
  const order = [0, ...[...x.shape.keys()].slice(2), 1];
  const back = x.shape.map((_, d) => order.indexOf(d));
  return x.permute(order).contiguous().permute(back);
}

console.log(`${threads} thread(s), products ${backend.info().dot}; least and median ms of ${rounds}`);
for (const [name, conv, shape] of cases) {
  noGrad(() => {
    const ways = Object.entries(waysOf(conv, shape)).map(([way, run]) => ({
      way,
      run,
      times: [] as number[],
    }));
    for (const { run } of ways) for (let i = 0; i < 15; i++) run().dispose();
    for (let round = 0; round < rounds; round++) {
      for (const { run, times } of round % 2 ? ways : [...ways].reverse()) {
        const start = performance.now();
        for (let i = 0; i < 3; i++) run().dispose();
        times.push((performance.now() - start) / 3);
      }
    }
    const figures = ways.map(
      ({ way, times }) => `${way} ${Math.min(...times).toFixed(3)} ${median(times).toFixed(3)}`,
    );
    console.log([name, ...figures].join(' | '));
  });
}
backend.dispose();
