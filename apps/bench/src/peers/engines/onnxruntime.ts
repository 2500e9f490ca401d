import type * as Ort from 'onnxruntime-node';
import type { Job, ReadFile, Session } from '../engine';

/** What the packages of ONNX Runtime have in common. */
type OnnxRuntime = Pick<typeof Ort, 'env' | 'InferenceSession' | 'Tensor'>;

/** The ONNX file in a session of ONNX Runtime. */
export async function startOnnx(
  { env, InferenceSession, Tensor }: OnnxRuntime,
  { onnx, input }: Job,
  read: ReadFile,
  options: Ort.InferenceSession.SessionOptions,
): Promise<Session> {
  const session = await InferenceSession.create(await read(onnx), {
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...options,
  });
  const [from] = session.inputNames;
  const [to] = session.outputNames;
  return {
    version: env.versions.common,
    async run(x) {
      const outputs = await session.run({ [from]: new Tensor('float32', x, input.shape) });
      return outputs[to].data as Float32Array;
    },
  };
}
