/** The table of what each kernel is in ONNX: a line a kernel, a file a family. */
import { composable, type KernelName, profiles } from '@octet/backend';
import type { AnyNodeBuilder, NodeBuilders } from './builder';
import { composed } from './composite';
import { data } from './data';
import { elementwise } from './elementwise';
import { int8 } from './int8';
import { normalization } from './normalization';
import { pools } from './pools';
import { products } from './products';
import { recurrent } from './recurrent';
import { reductions } from './reductions';

export type { AnyNodeBuilder } from './builder';

export const builders: NodeBuilders = {
  ...data,
  ...elementwise,
  ...reductions,
  ...products,
  ...recurrent,
  ...normalization,
  ...pools,
  ...int8,
};

/** What says a kernel in ONNX: its line, or its composite by the lines of others. */
export function builderOf(kernel: KernelName): AnyNodeBuilder | undefined {
  return (builders[kernel] as AnyNodeBuilder | undefined) ?? composed(kernel, builders as never);
}

const evaluate = 'Call model.eval() first.';
const convert =
  'Convert the model first, await convert(model), or take its observers and fake quantizers out: ONNX gets either floats or integers.';

/** Why a kernel of the training profile stands in a forward pass, where that is known. */
const inTraining: { readonly [N in KernelName]?: string } = {
  batchNormTrain: `${evaluate} A batch normalisation without running statistics can't be exported.`,
  applyMask: evaluate,
  fakeQuantize: convert,
  observeMinMax: convert,
  calculateQparams: convert,
  chooseQparams: convert,
};

const onlyTraining = new Set<KernelName>([...profiles.training, ...composable.training]);
for (const name of [...profiles['inference-float'], ...composable['inference-float']])
  onlyTraining.delete(name);

/** What to do about a kernel that no exported model may run, not even on constants; undefined for all others. */
export function refusal(kernel: KernelName): string | undefined {
  if (!onlyTraining.has(kernel)) return undefined;
  return (
    inTraining[kernel] ?? 'Export what the model computes in evaluation, without its loss and gradients.'
  );
}
