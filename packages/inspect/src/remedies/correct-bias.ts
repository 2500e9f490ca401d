import { type AbortSignalLike, breathe, checkOptions, QuantizationError } from '@octet/backend';
import { type AnyModule, Parameter } from '@octet/nn';
import type { ModuleRule, ModuleRules } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import { argumentsOf, type Inputs, noInputs } from '../inputs';
import { channelAxis, withInt8Weight } from '../layer-weight';
import type { LayerPair } from '../layers';
import { convertPair, type WeightLayer } from './convert-pair';

export interface CorrectBiasOptions {
  /** Rules of your own: those of `prepare`. */
  rules?: readonly ModuleRule[];
  /** Told after each input. */
  onProgress?: (inputs: number) => void;
  /** Ends it with the signal's reason; the model isn't changed. */
  signal?: AbortSignalLike;
}

/**
 * Bias correction (Nagel et al., 2019, https://arxiv.org/abs/1906.04721, the empirical variant of appendix D), in place:
 * rounding shifts the mean of a layer's sums; each channel's bias takes the shift away. What is measured is the layer's sums
 * before its ReLU, with int8 weights on the int8 model's own inputs, against the float model's: so a layer also
 * mends what those before it left. A layer without a bias gets one.
 *
 * One pass over the data: every batch runs with the biases that those before it gave.
 *
 * @param prepared of `prepare`, calibrated; `adaround`, if at all, comes before
 * @param data inputs like those of the calibration
 * @throws QuantizationError if it wasn't prepared or calibrated, without data, or for numbers that aren't finite
 */
export async function correctBias(
  prepared: AnyModule,
  data: Inputs,
  options?: CorrectBiasOptions,
): Promise<void> {
  const { rules: own, onProgress, signal } = checkOptions('correctBias', options, 'rules onProgress signal');
  const { float, int8, layers, rules } = await convertPair('correctBias', prepared, own);
  const corrections = layers.map((pair) => new Correction(pair, rules));
  let inputs = 0;
  for await (const input of data) {
    noGrad(() => {
      float.call(...argumentsOf(input));
      int8.call(...argumentsOf(input));
    });
    inputs++;
    onProgress?.(inputs);
    await breathe(signal);
  }
  if (inputs === 0) throw noInputs('correctBias');
  for (const correction of corrections) await correction.check();
  for (const { path, bias } of corrections) {
    const layer = rules.scaledBy(prepared.getSubmodule(path)) as WeightLayer;
    if (layer.bias) noGrad(() => layer.bias?.copy_(bias));
    else layer.bias = new Parameter(bias);
  }
}

/** Finds one layer's bias, while its two forms run: the float one first. */
class Correction {
  readonly path: string;
  bias: Tensor;
  private readonly targets: Tensor[] = [];
  private runs = 0;

  constructor(pair: LayerPair, rules: ModuleRules) {
    const { path, float, int8 } = pair;
    this.path = path;
    const layer = rules.scaledBy(float) as WeightLayer;
    this.bias = layer.bias as Tensor;
    const channelMeans = (y: Tensor) => {
      const axis = channelAxis(layer, y);
      return y.mean(y.shape.flatMap((__, dim) => (dim === axis ? [] : [dim])));
    };
    layer.registerForwardHook((_, __, y) => void this.targets.push(channelMeans(y)));
    const rounded = rules.scaledBy(withInt8Weight(pair) as AnyModule) as WeightLayer;
    rounded.bias = undefined;
    int8.registerForwardPreHook((_, [x]: [Tensor]) => {
      const target = this.targets.shift();
      if (!target) return;
      // The mean of all that was missing so far: b + ((target - mean) - b) / n.
      const missing = target.sub(channelMeans(rounded.forward(x.dequantize())));
      this.bias = this.bias.add(missing.sub(this.bias).div(++this.runs));
      int8.loadStateDict({ bias: this.bias }, { strict: false });
    });
  }

  /** @throws QuantizationError */
  async check(): Promise<void> {
    if ((await this.bias.data()).every(Number.isFinite)) return;
    throw new QuantizationError({
      op: 'correctBias',
      expected: 'finite numbers in both models',
      found: `others in '${this.path}'`,
      fix: 'Look for the layer that makes them, or for such numbers in the data.',
    });
  }
}
