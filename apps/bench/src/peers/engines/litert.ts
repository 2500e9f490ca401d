import { UsageError } from '@octet/cli/errors';
import { formatShape } from '@octet/tensor';
import type { Job, ReadFile, Session } from '../engine';

type LiteRt = typeof import('@litertjs/core');

/** The TensorFlow Lite file in LiteRT.js, which has been loaded. @throws UsageError if its input is not the job's, or there is no file */
export async function startLitert(
  { loadAndCompile, Tensor }: LiteRt,
  version: string,
  { tflite, threads, input }: Job,
  read: ReadFile,
): Promise<Session> {
  if (tflite === undefined) {
    throw new UsageError({
      op: 'litert.js',
      expected: 'a folder of .tflite files',
      found: 'none',
      fix: 'Name one by --tflite DIR.',
    });
  }
  const model = await loadAndCompile(await read(tflite), {
    accelerator: 'wasm',
    cpuOptions: { numThreads: threads },
  });
  const [n, c, h, w] = input.shape;
  const shape = input.shape.length === 4 ? [n, h, w, c] : [...input.shape];
  const [{ shape: own, dtype }] = model.getInputDetails();
  if (dtype !== 'float32' || formatShape([...own]) !== formatShape(shape)) {
    throw new UsageError({
      op: 'litert.js',
      expected: `a network for float32 ${formatShape(shape)} in ${tflite}`,
      found: `${dtype} ${formatShape([...own])}`,
      fix: 'Make the file for this size, or choose its own by --batch and --size.',
    });
  }
  return {
    version,
    async run(data) {
      const x = new Tensor(data, shape);
      const [y, ...others] = await model.run(x);
      const copy = (y.toTypedArray() as Float32Array).slice();
      for (const tensor of [x, y, ...others]) tensor.delete();
      return copy;
    },
    layIn: (x) => (input.shape.length === 4 ? channelsLast(x, n * h * w * c, c, h * w) : x),
  };
}

/** NCHW to NHWC. */
function channelsLast(x: Float32Array, length: number, c: number, pixels: number): Float32Array {
  const from = (i: number) => {
    const [channel, pixel] = [i % c, Math.floor(i / c)];
    const image = Math.floor(pixel / pixels);
    return (image * c + channel) * pixels + (pixel % pixels);
  };
  return Float32Array.from({ length }, (_, i) => x[from(i)]);
}
