import { OctetError } from '@octet/backend';
import { serializeSafetensorsAsync } from '@octet/formats';
import { type Plan, planOf } from '@octet/graph';
import {
  type CureName,
  type QuantizeProgress,
  type QuantizeReport,
  quantize,
  renderQuantizeReport,
} from '@octet/inspect';
import type { AnyModule } from '@octet/nn';
import { layerSummaries } from '@octet/nn';
import { exportOnnx, type GraphModule, importOnnx } from '@octet/onnx';
import {
  type InputInfo,
  type ReadOptions,
  randomSamples,
  readFileSamples,
  SampleError,
} from '@octet/samples';
import { noGrad, setBackend, type Tensor } from '@octet/tensor';
import { type BackendName, backends, type LoadedBackend } from '@octet/web/backends';
import { decodeImage, unpacked } from '@octet/web/sample-files';
import { type Drawing, drawingOf } from './drawing';
import { drawings, drawnPixels } from './drawings';
import { networkOfWeights } from './networks';

type Model = GraphModule<Tensor | Tensor[]>;

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface LayerRow {
  readonly path: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly parameters: number;
  readonly macs: number;
}

/** What a file holds. */
export interface ModelInfo {
  /** Of the ONNX file. */
  readonly name: string;
  /** Of which network the file had the weights; null for an ONNX file. */
  readonly network: string | null;
  readonly fileBytes: number;
  readonly inputs: readonly InputInfo[];
  readonly outputs: readonly string[];
  readonly parameters: number;
  readonly drawing: Drawing;
}

/** The layers of a run on the first sample. */
export interface Layers {
  readonly rows: readonly LayerRow[];
  readonly macs: number;
}

export interface Settings {
  /** In dB; null: none. */
  readonly target: number | null;
  readonly cures: readonly CureName[] | null;
  readonly budget: number;
  readonly exclude: readonly string[];
}

/** A report as it travels between threads. */
export type ReportData = Omit<QuantizeReport, 'toString' | 'warnings'> & {
  readonly warnings: readonly string[];
};

export interface Outcome {
  readonly report: ReportData;
  readonly int8Bytes: number;
}

export interface OutputPair {
  readonly name: string;
  readonly shape: readonly number[];
  readonly float: Float32Array;
  readonly int8: Float32Array;
}

export interface SideBySide {
  readonly from: string;
  readonly input: { readonly shape: readonly number[]; readonly data: Float32Array };
  readonly outputs: readonly OutputPair[];
  readonly ms: { readonly float: number; readonly int8: number };
}

interface Sample {
  readonly from: string;
  readonly inputs: Tensor[];
}

let loaded: LoadedBackend | undefined;
let float: Model | undefined;
/** The float model as an ONNX file, where weights alone were opened. */
let converted: Uint8Array | undefined;
let samples: Sample[] = [];
let made: { model: Model; report: QuantizeReport; file: Uint8Array } | undefined;
let controller = new AbortController();

/** What the page asks for; one model at a time. */
export const studio = {
  /** @returns what the backend found and chose */
  async useBackend(name: BackendName): Promise<string> {
    const next = await backends[name].load();
    setBackend(next.backend);
    loaded?.dispose();
    loaded = next;
    return next.details;
  },

  /** Reads a model, or weights of a network that the page knows; the samples and the int8 model of the one before are gone. */
  async open(file: NamedBytes): Promise<ModelInfo> {
    const isOnnx = /\.onnx$/i.test(file.name);
    const network = isOnnx ? undefined : await networkOfWeights(file.name, file.bytes);
    const name = isOnnx ? file.name : `${file.name.replace(/\.\w+$/, '')}.onnx`;
    const bytes = network?.onnx ?? file.bytes;
    const model = await importOnnx<Tensor | Tensor[]>(bytes);
    float = model.eval() as Model;
    samples = [];
    made = undefined;
    converted = network?.onnx;
    return {
      name,
      network: network?.label ?? null,
      fileBytes: bytes.length,
      inputs: model.graph.inputs.map(({ name: input, dtype, shape }) => ({ name: input, dtype, shape })),
      outputs: model.outputNames,
      parameters: model.parameters().reduce((sum, p) => sum + p.numel, 0),
      drawing: drawingOf(model),
    };
  },

  /** The samples in files, in the place of those before. @returns how many there are now, and what was wrong with the files left out */
  async read(
    files: readonly NamedBytes[],
    options: ReadOptions,
  ): Promise<{ count: number; wrong: string[] }> {
    const { graph } = opened();
    const read: Sample[] = [];
    const wrong: string[] = [];
    for (const file of files) {
      try {
        const plain = { name: file.name, bytes: await unpacked(file) };
        for (const inputs of await readFileSamples(plain, graph.inputs, options, decodeImage))
          read.push({ from: file.name, inputs });
      } catch (error) {
        wrong.push((error as Error).message);
      }
    }
    if (read.length > 0) samples = read;
    return { count: samples.length, wrong };
  },

  /** Pictures that the page draws, in the place of the samples before. @returns how many there are now */
  async useDrawn(kind: keyof typeof drawings, options: ReadOptions): Promise<number> {
    const { inputs } = opened().graph;
    const drawn: Sample[] = [];
    for (let i = 0; i < drawings[kind].count; i++) {
      const name = `picture ${i + 1}.png`;
      const decode = () => drawnPixels(drawings[kind], i);
      const [read] = await readFileSamples({ name, bytes: new Uint8Array() }, inputs, options, decode);
      drawn.push({ from: name.replace('.png', ', drawn by the page'), inputs: read });
    }
    samples = drawn;
    return samples.length;
  },

  /** Random samples, in the place of those before. @throws Error for a model that leaves sizes open */
  useRandom(options: ReadOptions): number {
    const count = 12;
    const all: Sample[] = [];
    try {
      while (all.length < count)
        for (const inputs of randomSamples(opened().graph.inputs, options))
          all.push({ from: 'random', inputs });
    } catch (error) {
      // What it advises are options of the command line.
      if (!(error instanceof SampleError)) throw error;
      throw new Error(
        `The model leaves the sizes of ${error.found} open, so random inputs can't be made. Choose files; for a model of images, say their height and width.`,
        { cause: error },
      );
    }
    samples = all.slice(0, count);
    return samples.length;
  },

  layers(): Layers {
    const rows = layerSummaries(opened() as unknown as AnyModule, firstInputs())
      .filter(({ path }) => path !== '')
      .map(({ path, type, shape, parameters, macs }) => ({ path, type, shape, parameters, macs }));
    return { rows, macs: rows.reduce((sum, { macs }) => sum + macs, 0) };
  },

  async quantize(
    { target, cures, budget, exclude }: Settings,
    onProgress: (progress: QuantizeProgress) => unknown,
  ): Promise<Outcome> {
    const model = opened();
    const data = samples.map(({ inputs }) => inputs);
    controller = new AbortController();
    const { model: int8, report } = await quantize(model, {
      data,
      budget,
      exclude,
      ...(target !== null && { target }),
      ...(cures !== null && { cures }),
      onProgress,
      signal: controller.signal,
    });
    const file = await exportOnnx(int8, firstInputs());
    made = { model: int8 as Model, report, file };
    return {
      report: { ...report, warnings: report.warnings, inFloat: report.inFloat, isFloat: report.isFloat },
      int8Bytes: file.length,
    };
  },

  cancel(): void {
    controller.abort(new Error('Cancelled.'));
  },

  /** Both models on a sample. */
  async sideBySide(index: number): Promise<SideBySide> {
    const { from, inputs } = samples[index];
    const ofFloat = await run(opened(), inputs);
    const ofInt8 = await run(result().model, inputs);
    const [first] = inputs;
    return {
      from,
      input: { shape: first.shape, data: Float32Array.from(await first.data()) },
      outputs: opened().outputNames.map((name, i) => ({
        name,
        shape: ofFloat.outputs[i].shape,
        float: ofFloat.outputs[i].data,
        int8: ofInt8.outputs[i].data,
      })),
      ms: { float: ofFloat.ms, int8: ofInt8.ms },
    };
  },

  /** The float model as an ONNX file, of weights that were opened. */
  floatFile(): Uint8Array {
    if (!converted) throw new Error('The model came as an ONNX file.');
    return converted;
  },

  /** The int8 model as an ONNX file. */
  file(): Uint8Array {
    return result().file;
  },

  /** The int8 weights, with scales and zero points, as safetensors. */
  weights(): Promise<Uint8Array> {
    return serializeSafetensorsAsync(result().model.stateDict());
  },

  reportPage(title: string, code: string): string {
    return renderQuantizeReport(result().report, { title, code });
  },
};

export type Studio = typeof studio;

function opened(): Model {
  if (!float) throw new Error('There is no model yet.');
  return float;
}

function result(): NonNullable<typeof made> {
  if (!made) throw new Error('There is no int8 model yet.');
  return made;
}

function firstInputs(): Tensor[] {
  if (samples.length === 0) throw new Error('There are no inputs yet.');
  return samples[0].inputs;
}

/** A plan; what looks at numbers in between has none. */
function planned(model: Model, inputs: Tensor[]): Plan<Tensor | Tensor[]> | undefined {
  try {
    return planOf(model, inputs);
  } catch (error) {
    if (error instanceof OctetError) return undefined;
    throw error;
  }
}

interface Ran {
  readonly outputs: readonly { readonly shape: readonly number[]; readonly data: Float32Array }[];
  readonly ms: number;
}

const TIMED_RUNS = 5;

/** The outputs, and the least time of some runs; planned, where the model can be. */
async function run(model: Model, inputs: Tensor[]): Promise<Ran> {
  const plan = planned(model, inputs);
  const call = () => (plan ? plan.run(...inputs) : noGrad(() => model.call(...inputs)));
  let ms = Number.POSITIVE_INFINITY;
  let tensors: Tensor[] = [];
  for (let i = 0; i < TIMED_RUNS; i++) {
    const start = performance.now();
    tensors = [call()].flat() as Tensor[];
    for (const t of tensors) await t.data();
    ms = Math.min(ms, performance.now() - start);
  }
  const outputs: { shape: readonly number[]; data: Float32Array }[] = [];
  for (const t of tensors) outputs.push({ shape: t.shape, data: Float32Array.from(await t.data()) });
  plan?.dispose();
  return { outputs, ms };
}
