import { type Plan, planOf } from '@octet/graph';
import { exportOnnx, type GraphModule, importOnnx } from '@octet/onnx';
import { convertFx, prepareFx } from '@octet/quantization';
import { fromData, noGrad, setBackend, type Tensor } from '@octet/tensor';
import { backends } from '@octet/web/backends';
import { textModels } from '@octet/web/text-models';
import { drawTextScene } from '@octet/web/text-scenes';
import { type Box, boxesOf } from '../boxes';
import { SIZE } from '../size';

export type Kind = 'float' | 'int8';

/** What was loaded and made. */
export interface Loaded {
  /** What the backend found and chose. */
  readonly backend: string;
  readonly parameters: number;
  /** Of the ONNX files. */
  readonly bytes: Readonly<Record<Kind, number>>;
  /** What making it int8 took, with the calibration. */
  readonly seconds: number;
  /** With how many pictures it was calibrated. */
  readonly pictures: number;
}

export interface Found {
  readonly boxes: Box[];
  /** From pixels to boxes. */
  readonly ms: number;
}

const PICTURES = 12;

let plans: Readonly<Record<Kind, Plan<Tensor>>> | undefined;

export const detector = {
  /** Loads the network and makes it int8. `onStep` is told what is being done, and its part of all. */
  async load(onStep: (what: string, part: number) => unknown): Promise<Loaded> {
    await onStep('Starting', 0);
    const { backend, details } = await backends.wasm.load();
    setBackend(backend);
    const file = await fetchBytes(textModels.detection, (part) =>
      onStep('Loading the network', 0.05 + 0.35 * part),
    );
    const float = (await importOnnx<Tensor>(file)).eval() as GraphModule<Tensor>;
    const start = performance.now();
    const prepared = prepareFx(float);
    for (let i = 0; i < PICTURES; i++) {
      await onStep('Calibrating', 0.4 + (0.5 * i) / PICTURES);
      const input = inputOf(drawn(i));
      noGrad(() => prepared.call(input)).dispose();
      input.dispose();
    }
    await onStep('Making it int8', 0.9);
    const int8 = (await convertFx(prepared)) as GraphModule<Tensor>;
    const seconds = (performance.now() - start) / 1000;
    const example = inputOf(drawn(PICTURES));
    const bytes = { float: file.length, int8: (await exportOnnx(int8, example)).length };
    await onStep('Planning', 0.95);
    plans = { float: planOf(float, [example]), int8: planOf(int8, [example]) };
    const parameters = float.parameters().reduce((sum, p) => sum + p.numel, 0);
    return { backend: details, parameters, bytes, seconds, pictures: PICTURES };
  },

  /** The boxes of text in SIZE × SIZE pixels of RGBA. */
  async detect(kind: Kind, pixels: Uint8ClampedArray): Promise<Found> {
    if (!plans) throw new Error('There is no network yet.');
    const start = performance.now();
    const input = inputOf(pixels);
    const output = plans[kind].run(input);
    const boxes = boxesOf((await output.data()) as Float32Array, SIZE, SIZE);
    input.dispose();
    return { boxes, ms: performance.now() - start };
  },
};

export type Detector = typeof detector;

function drawn(index: number): Uint8ClampedArray {
  const context = new OffscreenCanvas(SIZE, SIZE).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser gives no canvas to draw on.');
  drawTextScene(context, index, SIZE, SIZE);
  return context.getImageData(0, 0, SIZE, SIZE).data;
}

/** ImageNet's, in the order of the network's channels: blue, green, red. */
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** As the network was trained: blue before red, of mean 0 and deviation 1. */
function inputOf(pixels: Uint8ClampedArray): Tensor {
  const area = SIZE * SIZE;
  const data = new Float32Array(3 * area);
  for (let c = 0; c < 3; c++) {
    const [factor, offset] = [1 / (255 * STD[c]), -MEAN[c] / STD[c]];
    for (let i = 0; i < area; i++) data[c * area + i] = pixels[4 * i + 2 - c] * factor + offset;
  }
  return fromData(data, [1, 3, SIZE, SIZE]);
}

async function fetchBytes(url: string, onPart: (part: number) => unknown): Promise<Uint8Array> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new Error('The network (4.7 MB) could not be loaded. Connect to the internet and start again.', {
      cause,
    });
  });
  if (!response.ok || !response.body)
    throw new Error(`The network could not be loaded: HTTP ${response.status}.`);
  const total = Number(response.headers.get('Content-Length'));
  const chunks: Uint8Array[] = [];
  let done = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { value } = await reader.read();
    if (!value) break;
    chunks.push(value);
    done += value.length;
    if (total > 0) await onPart(Math.min(1, done / total));
  }
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}
