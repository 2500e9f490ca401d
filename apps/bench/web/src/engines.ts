/** How the page's worker starts each engine; their code is loaded when they are. */
import { planOf } from '@octet/graph';
import { GraphModule } from '@octet/nn/graph';
import { fromData, setBackend, type Tensor } from '@octet/tensor';
import { backends } from '@octet/web/backends';
import type { InputNumbers, Peer } from '../../src/compare/peers';
import type { EngineName } from './engine-names';

/** Octet by a plan, which the others are held against. */
export const octet: Peer = {
  name: 'octet',
  async start({ networks, inputs }, dtype) {
    const { backend, dispose } = await backends.wasm.load({ threads: 1 });
    setBackend(backend);
    const network = await networks[dtype].clone().toAsync(backend);
    const numbers = inputs.map(({ data, shape }) => ({ data: data as Float32Array, shape }));
    const example = numbers.map(({ data, shape }) => fromData(data, shape));
    const plan = planOf<Tensor | Tensor[]>(network, example);
    return {
      version: 'by a plan',
      async run() {
        const given = numbers.map(({ data, shape }) => fromData(data, shape));
        const outputs = [plan.run(...given)].flat();
        const first = (await outputs[0].data()).slice() as Float32Array;
        for (const t of [...given, ...outputs]) t.dispose();
        return first;
      },
      dispose() {
        plan.dispose();
        dispose();
      },
    };
  },
};

const starts: Readonly<Record<EngineName, (tflite: readonly File[]) => Peer['start']>> = {
  'onnxruntime-web':
    () =>
    async ({ onnx, inputs }, dtype) => {
      const { env, InferenceSession, Tensor } = await import('onnxruntime-web/wasm');
      env.wasm.numThreads = 1;
      const session = await InferenceSession.create(onnx[dtype], {
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 4,
      });
      if (session.inputNames.length !== inputs.length)
        throw new Error(`it wants ${session.inputNames.length} inputs, where Octet takes ${inputs.length}`);
      const feeds = Object.fromEntries(
        session.inputMetadata.map((input, i) => {
          const type = input.isTensor ? input.type : 'float32';
          return [input.name, new Tensor(type, dataOf(type, inputs[i]) as never, [...inputs[i].shape])];
        }),
      );
      return {
        version: env.versions.web ?? env.versions.common,
        async run() {
          const outputs = await session.run(feeds);
          return outputs[session.outputNames[0]].data as Float32Array;
        },
        dispose: () => void session.release(),
      };
    },

  tfjs:
    () =>
    async ({ networks, inputs }, dtype) => {
      if (dtype === 'int8') throw new Error('it has no int8 on WebAssembly');
      if (networks.float32 instanceof GraphModule) throw new Error('it reads no ONNX files');
      const tf = await import('@tensorflow/tfjs-core');
      const wasm = await import('@tensorflow/tfjs-backend-wasm');
      const { wasmPaths } = await import('./tfjs-files');
      wasm.setWasmPaths(wasmPaths);
      // It has threads where there can be some.
      tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
      const { rebuiltSession } = await import('../../src/peers/engines/tfjs');
      const [{ data, shape }] = inputs;
      const { version, run, layIn, layOut } = await rebuiltSession(tf, networks.float32, shape);
      const given = Float32Array.from(data);
      const x = layIn?.(given) ?? given;
      return {
        version,
        async run() {
          const y = await run(x);
          return layOut?.(y) ?? y;
        },
      };
    },

  'litert.js': (tflite) => async (_, dtype) => {
    const isInt8 = (name: string) => /int8|i8|quant/i.test(name);
    const file = tflite.find(({ name }) => isInt8(name) === (dtype === 'int8'));
    if (!file)
      throw new Error(
        'it reads TensorFlow Lite files alone: give one beside an ONNX file of yours (.tflite; of int8 with int8 or i8 in its name)',
      );
    const litert = await import('@litertjs/core');
    const { version } = await import('@litertjs/core/package.json');
    loadScriptsAsModulesCan();
    loaded ??= litert.loadLiteRt(litertFolder, { threads: false });
    await loaded;
    const model = await litert.loadAndCompile(new Uint8Array(await file.arrayBuffer()), {
      accelerator: 'wasm',
      cpuOptions: { numThreads: 1 },
    });
    const [{ shape, dtype: type }] = model.getInputDetails();
    if (type !== 'float32') throw new Error(`${file.name} takes ${type}, where the page gives float32`);
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.random());
    return {
      version: `${version}, ${file.name}`,
      async run() {
        const x = new litert.Tensor(data, [...shape]);
        const outputs = await model.run(x);
        for (const y of outputs) y.toTypedArray();
        for (const t of [x, ...outputs]) t.delete();
        return null;
      },
    };
  },
};

/** Beside the page: see `engine-files.ts`. */
const litertFolder = new URL('../engines/litert.js/', import.meta.url).href;
let loaded: Promise<unknown> | undefined;

/** LiteRT.js loads a script, which workers that are modules don't, and then what lies beside the script. */
function loadScriptsAsModulesCan(): void {
  Object.assign(self, {
    Module: { locateFile: (name: string) => `${litertFolder}${name}` },
    importScripts(url: string) {
      const request = new XMLHttpRequest();
      request.open('GET', url, false);
      request.send();
      if (request.status !== 200) throw new Error(`there is no ${url}`);
      // Of the whole worker, as a script's variables are.
      // biome-ignore lint/security/noGlobalEval: the script is of this page
      // biome-ignore lint/complexity/noCommaOperator: that makes it global
      (0, eval)(request.responseText);
    },
  });
}

/** Numbers as ONNX Runtime wants them. */
function dataOf(type: string, { data }: InputNumbers) {
  if (type === 'int64') return BigInt64Array.from(Array.from(data, BigInt));
  if (type === 'int32') return Int32Array.from(data);
  if (type === 'uint8' || type === 'bool') return Uint8Array.from(data);
  if (type === 'int8') return Int8Array.from(data);
  return Float32Array.from(data);
}

/** Octet and these. */
export function peersOf(names: readonly EngineName[], tflite: readonly File[]): Peer[] {
  return [octet, ...names.map((name) => ({ name, start: starts[name](tflite) }))];
}
