import { stat } from 'node:fs/promises';
import { UsageError } from '@octet/cli/errors';
import { type GraphModule, importOnnx } from '@octet/onnx';
import type { InputInfo } from '@octet/samples';
import type { Tensor } from '@octet/tensor';

export type Model = GraphModule<Tensor | Tensor[]>;

export interface ModelOptions {
  /** Values of inputs that never change. */
  readonly input: Readonly<Record<string, number | number[]>>;
  readonly dim: Readonly<Record<string, number>>;
}

/** @throws UsageError if there is no such file; OnnxImportError for one that can't be imported */
export async function openModel(file: string, { input, dim }: ModelOptions): Promise<Model> {
  if (!/^https?:/.test(file) && !(await stat(file).catch(() => undefined))?.isFile())
    throw new UsageError({
      op: 'octet',
      expected: 'an ONNX file',
      found: `no such file: ${file}`,
      fix: 'torch.onnx.export(model, example, "model.onnx") writes one.',
    });
  return importOnnx<Tensor | Tensor[]>(file, { inputs: input, dims: dim });
}

export function inputsOf(model: Model): readonly InputInfo[] {
  return model.graph.inputs;
}

/** The outputs of a call, by name. */
export function outputsOf(model: Model, inputs: readonly Tensor[]): Record<string, Tensor> {
  const out = model.call(...inputs);
  const list = Array.isArray(out) ? out : [out];
  return Object.fromEntries(model.outputNames.map((name, i) => [name, list[i]]));
}
