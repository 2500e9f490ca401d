/** The table of what each kernel is in ONNX: a line a kernel, a file a family. */
import { composable, type KernelName, profiles } from '@octet/backend';
import { attention } from './attention';
import type { AnyNodeBuilder, NodeBuilders } from './builder';
import { composed } from './composite';
import { data } from './data';
import { elementwise } from './elementwise';
import { groupedIntegers } from './grouped-integers';
import { indexing } from './indexing';
import { int8 } from './int8';
import { masks } from './masks';
import { normalization } from './normalization';
import { pools } from './pools';
import { products } from './products';
import { recurrent } from './recurrent';
import { reductions } from './reductions';

// Functions, here and in the families, so that bundlers drop what an app doesn't call.
let table: NodeBuilders | undefined;

export function builders(): NodeBuilders {
  table = table ?? {
    ...data(),
    ...elementwise(),
    ...masks(),
    ...indexing(),
    ...reductions(),
    ...products(),
    ...recurrent(),
    ...attention(),
    ...normalization(),
    ...pools(),
    ...int8(),
    ...groupedIntegers(),
  };
  return table;
}

/** What says a kernel in ONNX: its line, or its composite by the lines of others. */
export function builderOf(kernel: KernelName): AnyNodeBuilder | undefined {
  return (builders()[kernel] as AnyNodeBuilder | undefined) ?? composed(kernel, builders() as never);
}

const evaluate = 'Call model.eval() first.';
const convert =
  'Convert the model first, await convert(model), or take its observers and fake quantizers out: ONNX gets either floats or integers.';

/** Why a kernel of the training profile stands in a forward pass, where that is known. */
const inTraining: { readonly [N in KernelName]?: string } = {
  batchNormTrain: `${evaluate} A batch normalisation without running statistics can't be exported.`,
  applyMask: evaluate,
  fakeQuantize: convert,
  fusedMovingAvgObsFakeQuant: convert,
  observeMinMax: convert,
  calculateQparams: convert,
  chooseQparams: convert,
};

/** What to do about a kernel that no exported model may run, not even on constants; undefined for all others. */
export function refusal(kernel: KernelName): string | undefined {
  const of = (profile: 'training' | 'inference-float'): readonly string[] => [
    ...profiles[profile],
    ...composable[profile],
  ];
  if (!of('training').includes(kernel) || of('inference-float').includes(kernel)) return undefined;
  return (
    inTraining[kernel] ?? 'Export what the model computes in evaluation, without its loss and gradients.'
  );
}
