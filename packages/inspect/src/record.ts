import { capture, tensorsIn } from '@octet/graph';
import type { AnyModule } from '@octet/nn';
import { noGrad, type Tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput } from './inputs';

/** One call of a layer. */
export interface Call {
  /** `forward`, or the method of a FloatFunctional. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly output: Tensor;
}

export interface Recording {
  readonly output: Tensor;
  /** The calls of each layer that ran, by path, in the order of their first calls. */
  readonly calls: ReadonlyMap<string, readonly Call[]>;
}

/** Runs a model once and keeps what its layers took and gave. The model is left as it was. */
export function record(
  model: AnyModule,
  layers: readonly (readonly [path: string, layer: AnyModule])[],
  input: ModelInput,
): Recording {
  const calls = new Map<string, Call[]>();
  const recording = capture(model, ...argumentsOf(input));
  const keep = (value: unknown) => {
    for (const { storage } of tensorsIn(value)) recording.take(storage);
  };
  try {
    for (const { module, method, args, output: result } of recording.calls) {
      const [output] = tensorsIn(result);
      if (!output) continue;
      for (const [path, layer] of layers) {
        if (layer !== module) continue;
        keep([args, result]);
        calls.set(path, [...(calls.get(path) ?? []), { method, args, output }]);
      }
    }
    keep(recording.output);
    return { output: tensorsIn(recording.output)[0], calls };
  } finally {
    recording.release();
  }
}

/** The model's output for an input; the first, where it gives several. */
export function run(model: AnyModule, input: ModelInput): Tensor {
  return tensorsIn(noGrad(() => model.call(...argumentsOf(input))))[0];
}

/** Calls a layer as in a recorded call, with other arguments. */
export function callAgain(layer: AnyModule, method: string, args: readonly unknown[]): Tensor {
  const methods = layer as unknown as Record<string, (...args: unknown[]) => unknown>;
  return tensorsIn(noGrad(() => methods[method](...args)))[0];
}

/** The numbers of a tensor, dequantized. */
export function valuesOf(t: Tensor): Promise<ArrayLike<number>> {
  return (t.isQuantized ? noGrad(() => t.dequantize()) : t).data();
}
