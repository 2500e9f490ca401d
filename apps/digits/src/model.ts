import { parseSafetensors, serializeSafetensorsAsync } from '@octet/formats';
import { type Plan, planOf } from '@octet/graph';
import { Module } from '@octet/nn';
import {
  convert,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  prepare,
  prepareQat,
} from '@octet/quantization';
import { fromData, softmax, type Tensor, zeros } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';

/** Both models of the page are of this width: about 21,000 weights. */
const width = 0.5;

/** A network that knows nothing yet, with random weights. */
export function newModel(): DigitClassifier {
  return new DigitClassifier({ width });
}

/** A copy made ready for quantization-aware training. */
export function quantizable(float: DigitClassifier): DigitClassifier {
  const model = float.clone().train();
  model.fuseModel();
  return prepareQat(model, getDefaultQatQConfigMapping(), { inplace: true });
}

/** A copy of a float network that is quick to run. */
export function fused(float: DigitClassifier): DigitClassifier {
  const model = float.clone().eval();
  model.fuseModel();
  return model;
}

/** The two kinds of checkpoints that the page knows. */
export type Kind = 'float' | 'int8';

/** The network of a checkpoint, ready to run on the default backend. @throws FormatError, ModuleError if it isn't one */
export async function loadModel(kind: Kind, checkpoint: Uint8Array): Promise<DigitClassifier> {
  const state = parseSafetensors(checkpoint, { file: `the ${kind} checkpoint` }).toStateDict();
  const float = newModel();
  if (kind === 'float') {
    await float.loadStateDictAsync(state);
    return fused(float);
  }
  const prepared = prepare(fused(float), getDefaultQConfigMapping(), { inplace: true });
  const int8 = await convert(prepared, { inplace: true, requireCalibration: false });
  await int8.loadStateDictAsync(state);
  return int8;
}

/** The safetensors file of a network. */
export function saveModel(model: DigitClassifier): Promise<Uint8Array> {
  return serializeSafetensorsAsync(model.stateDict());
}

/** A network and the probabilities that its output stands for. */
class Probabilities extends Module {
  constructor(readonly model: DigitClassifier) {
    super();
  }

  forward(x: Tensor): Tensor {
    return softmax(this.model.call(x), 1);
  }
}

const imageShape = [1, 1, 28, 28];

/** A plan of a network for one image, on the default backend. Dispose it when it isn't needed any more. */
export function planFor(model: DigitClassifier): Plan<Tensor> {
  return planOf(new Probabilities(model).eval(), [zeros(imageShape)]);
}

/** The ten probabilities of an image of 28 × 28 pixels, 0 (paper) to 1 (ink). */
export async function classify(plan: Plan<Tensor>, image: Float32Array): Promise<number[]> {
  using x = fromData(image, imageShape);
  using probabilities = plan.run(x);
  return Array.from(await probabilities.data());
}
