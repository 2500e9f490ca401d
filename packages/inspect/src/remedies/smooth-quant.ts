import { ArgumentError, checkOptions, numel } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { type ModuleRule, moduleRules } from '@octet/quantization';
import type { Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { channelAxis } from '../layer-weight';
import { run } from '../record';
import { toFloatModel } from '../to-float-model';
import { requireNoTraining, type WeightLayer } from './convert-pair';
import { type EqualizedPair, requireLinks } from './equalize';
import { HostWeight } from './host-weight';
import { linkedLayers } from './linked-layers';

export interface SmoothQuantOptions {
  /** How much of the difference between channels goes from activations into weights, from 0 to 1. 0.5 */
  alpha?: number;
  /** Rules of your own, as for `equalize`. */
  rules?: readonly ModuleRule[];
}

/**
 * SmoothQuant (Xiao et al., 2022, https://arxiv.org/abs/2211.10438, equation 4) between layers, in place: activations have one scale,
 * weights one for each output channel. Where layers follow one another as for `equalize`, channel i leaves the first divided by
 * s and is multiplied by s in the second, with s = x^alpha / w^(1 - alpha) of the channel's largest activation x and its largest
 * weight w in the second layer; and s = x before a depthwise layer, whose weights have a scale for each channel. The float model computes what
 * it did.
 *
 * @param model a fused float model in evaluation mode
 * @param inputs like those of the calibration: they give the channels' ranges
 * @returns the pairs, by path
 * @throws QuantizationError if there are no pairs, or for a ReLU6 between two layers; ArgumentError for another alpha
 */
export async function smoothQuant(
  model: AnyModule,
  inputs: readonly ModelInput[],
  options?: SmoothQuantOptions,
): Promise<EqualizedPair[]> {
  const { alpha = 0.5, rules: own } = checkOptions('smoothQuant', options, 'alpha rules');
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new ArgumentError({
      op: 'smoothQuant',
      expected: 'alpha from 0 to 1',
      found: String(alpha),
      fix: 'Leave it out for 0.5.',
    });
  }
  const rules = moduleRules('smoothQuant', own);
  requireNoTraining('smoothQuant', model, rules);
  const links = linkedLayers(toFloatModel(model, model, own), inputs[0], rules);
  requireLinks('smoothQuant', links);
  const ranges = await channelRanges(model, [...new Set(links.map(({ from }) => from))], inputs);
  const weights = new Map<string, HostWeight>();
  for (const path of new Set(links.flatMap(({ from, to }) => [from, to])))
    weights.set(path, await HostWeight.of(rules.scaledBy(model.getSubmodule(path)) as WeightLayer));
  for (const { from, to, repeat } of links) {
    const first = weights.get(from) as HostWeight;
    const second = weights.get(to) as HostWeight;
    const range = ranges.get(from) as Float64Array;
    const largest = second.inputRanges(first.outputs, repeat);
    const scale = range.map((x, i) => {
      if (!(x > 0 && largest[i] > 0)) return 1;
      return second.isDepthwise ? x : x ** alpha / largest[i] ** (1 - alpha);
    });
    // The tensor's range stays about what it was: only differences between channels count.
    const logs = scale.map(Math.log);
    const middle = Math.exp(logs.reduce((sum, l) => sum + l, 0) / logs.length);
    const relative = scale.map((s) => s / middle);
    first.divideOutputs(relative);
    second.multiplyInputs(relative, repeat);
  }
  for (const weight of weights.values()) weight.store();
  return links.map(({ from, to }) => [from, to]);
}

/** The largest magnitude of each channel that layers give. */
async function channelRanges(
  model: AnyModule,
  paths: readonly string[],
  inputs: readonly ModelInput[],
): Promise<Map<string, Float64Array>> {
  const ranges = new Map<string, Float64Array>();
  const seen: { path: string; y: Tensor }[] = [];
  const hooks = paths.map((path) =>
    model.getSubmodule(path).registerForwardHook((_, __, y: Tensor) => void seen.push({ path, y })),
  );
  try {
    for (const input of inputs) {
      run(model, input);
      for (const { path, y } of seen.splice(0)) {
        const axis = channelAxis(model.getSubmodule(path), y);
        const channels = y.shape[axis];
        const inner = numel(y.shape.slice(axis + 1));
        const range = ranges.get(path) ?? new Float64Array(channels);
        const data = await y.data();
        for (let i = 0; i < data.length; i++) {
          const c = Math.floor(i / inner) % channels;
          range[c] = Math.max(range[c], Math.abs(data[i]));
        }
        ranges.set(path, range);
      }
    }
  } finally {
    for (const hook of hooks) hook.remove();
  }
  return ranges;
}
