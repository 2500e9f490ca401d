import { ArgumentError, checkOptions, numel } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import { type ModuleRule, moduleRules } from '@octet/quantization';
import type { Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { run } from '../record';
import { toFloatModel } from '../to-float-model';
import { requireNoTraining } from './convert-pair';
import { type EqualizedPair, largest, linkedWeights, linksOf, pairsOf } from './equalize';
import type { HostWeight } from './host-weight';
import { type LinkedLayers, linkedLayers } from './linked-layers';

export interface SmoothQuantOptions {
  /** How much of the difference between channels goes from activations into weights, from 0 to 1. 0.5 */
  alpha?: number;
  /** As `equalize`'s. */
  skipRelu6?: boolean;
  /** Rules of your own, as for `equalize`. */
  rules?: readonly ModuleRule[];
}

/**
 * SmoothQuant (Xiao et al., 2022, https://arxiv.org/abs/2211.10438, equation 4) between layers, in place: activations have one scale,
 * weights one for each output channel. Where layers follow one another as for `equalize`, channel i leaves the first divided by
 * s and is multiplied by s in the second, with s = x^alpha / w^(1 - alpha) of the channel's largest activation x and its largest
 * weight w in the second layer; and s = x^alpha before depthwise layers, whose weights have a scale for each channel. The float model computes what
 * it did.
 *
 * @param model a fused float model in evaluation mode
 * @param inputs like those of the calibration: they give the channels' ranges
 * @returns the pairs, by path
 * @throws QuantizationError if there are no pairs, or for a ReLU6 between two layers, unless such ones are skipped; ArgumentError for another alpha
 */
export async function smoothQuant(
  model: AnyModule,
  inputs: readonly ModelInput[],
  options?: SmoothQuantOptions,
): Promise<EqualizedPair[]> {
  const {
    alpha = 0.5,
    skipRelu6 = false,
    rules: own,
  } = checkOptions('smoothQuant', options, 'alpha skipRelu6 rules');
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
  const links = linksOf(
    'smoothQuant',
    linkedLayers(toFloatModel(model, model, own), inputs[0], rules),
    skipRelu6,
  );
  const ranges = await channelRanges(model, links, inputs);
  const weights = await linkedWeights(model, links, rules);
  const weightOf = (path: string) => weights.get(path) as HostWeight;
  for (const link of links) {
    const { from, to } = link;
    const channels = weightOf(from[0]).outputs;
    const range = ranges.get(link) as Float64Array;
    // Weights of depthwise layers have a scale for each channel.
    const wide = to.filter(({ path }) => !weightOf(path).isDepthwise);
    const weight = largest(
      (wide.length > 0 ? wide : to).map(({ path, repeat }) => weightOf(path).inputRanges(channels, repeat)),
    );
    const scale = range.map((x, i) => {
      if (!(x > 0 && weight[i] > 0)) return 1;
      return x ** alpha / (wide.length === 0 ? 1 : weight[i] ** (1 - alpha));
    });
    // The tensor's range stays about what it was: only differences between channels count.
    const logs = scale.map(Math.log);
    const middle = Math.exp(logs.reduce((sum, l) => sum + l, 0) / logs.length);
    const relative = scale.map((s) => s / middle);
    for (const path of from) weightOf(path).divideOutputs(relative);
    for (const { path, repeat } of to) weightOf(path).multiplyInputs(relative, repeat);
  }
  for (const weight of weights.values()) weight.store();
  return pairsOf(links);
}

/** The largest magnitude of each channel, of what layers give and of what others read. */
async function channelRanges(
  model: AnyModule,
  links: readonly LinkedLayers[],
  inputs: readonly ModelInput[],
): Promise<Map<LinkedLayers, Float64Array>> {
  const ranges = new Map<LinkedLayers, Float64Array>();
  const seen: { link: LinkedLayers; x: Tensor; repeat: number }[] = [];
  const hooks = links.flatMap((link) => [
    ...link.from.map((path) =>
      model
        .getSubmodule(path)
        .registerForwardHook((_, __, y) => void seen.push({ link, x: y as Tensor, repeat: 1 })),
    ),
    ...link.to.map(({ path, repeat }) =>
      model
        .getSubmodule(path)
        .registerForwardPreHook((_, [x]) => void seen.push({ link, x: x as Tensor, repeat })),
    ),
  ]);
  try {
    for (const input of inputs) {
      run(model, input);
      for (const { link, x, repeat } of seen.splice(0)) {
        const channels = x.shape[1] / repeat;
        const inner = repeat * numel(x.shape.slice(2));
        const range = ranges.get(link) ?? new Float64Array(channels);
        const data = await x.data();
        for (let i = 0; i < data.length; i++) {
          const c = Math.floor(i / inner) % channels;
          range[c] = Math.max(range[c], Math.abs(data[i]));
        }
        ranges.set(link, range);
      }
    }
  } finally {
    for (const hook of hooks) hook.remove();
  }
  return ranges;
}
