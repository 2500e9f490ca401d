import { addDispatchHook } from '@octet/backend';
import type { Module } from '@octet/nn';
import { convert, getDefaultQConfig, prepare } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';

interface Fusable extends Module {
  fuseModel(): void;
}

/** Post-training quantization with one batch of calibration. */
export async function toInt8<M extends Fusable>(model: M, x: Tensor): Promise<M> {
  model.eval();
  model.fuseModel();
  model.qconfig = getDefaultQConfig('qnnpack');
  const prepared = prepare(model);
  noGrad(() => prepared.call(x));
  return convert(prepared);
}

export interface KernelCall {
  kernel: string;
  dtypes: string[];
}

/** The kernels that `model.call(x)` runs, in order, and the dtypes of all tensors they see. */
export function kernelCalls(model: Module, x: Tensor): KernelCall[] {
  const calls: KernelCall[] = [];
  const remove = addDispatchHook(({ kernel, inputs, outputs }, run) => {
    const tensors = [...Object.values(inputs), ...Object.values(outputs)];
    calls.push({ kernel, dtypes: tensors.flatMap((t) => (t ? [t.dtype] : [])) });
    run();
  });
  try {
    noGrad(() => model.call(x));
  } finally {
    remove();
  }
  return calls;
}
