import { checkOptions, QuantizationError } from '@octet/backend';
import { type AnyModule, moveHooks, ReLU, ReLU6 } from '@octet/nn';
import {
  FixedQParamsObserver,
  type ModuleRule,
  type ModuleRules,
  moduleRules,
  Observer,
} from '@octet/quantization';
import type { ModelInput } from '../inputs';
import { toFloatModel } from '../to-float-model';
import { requireNoTraining, type WeightLayer } from './convert-pair';
import { HostWeight } from './host-weight';
import { type LinkedLayers, linkedLayers } from './linked-layers';

/** Two layers that were equalized: the outputs of the first are the inputs of the second. */
export type EqualizedPair = readonly [from: string, to: string];

export interface EqualizeOptions {
  /** Whether layers with a ReLU6 between them are left as they are, where others have none, rather than refused. false */
  skipRelu6?: boolean;
  /** Rules of your own: their `scaledBy` and `scalable` say which layers can be scaled, and looked past. */
  rules?: readonly ModuleRule[];
}

/**
 * Cross-layer equalization (Nagel et al., 2019, https://arxiv.org/abs/1906.04721, section 4.1), in place: where layers
 * follow one another with nothing but ReLU, pools and the like between, channel i leaves the first divided by s and is
 * multiplied by s in the second, with s = √(r1 / r2) of the two channels' largest weights r1, r2. The float model computes
 * what it did; its weights fit one scale for all channels. Repeated until nothing moves, since layers in the middle belong
 * to two pairs.
 *
 * The pairs are found by running `input` once. What is added belongs together, as along the shortcuts of a ResNet: r1 and r2 are the largest of all layers
 * that give to the sum, and of all that read it. Outputs that are also multiplied by others, sliced or returned have no pairs.
 *
 * @param model a fused float model, or the prepared one before calibration, in evaluation mode
 * @param input of the right shape; its numbers don't matter
 * @returns the pairs, by path
 * @throws QuantizationError if it was calibrated, if there are no pairs, or for a ReLU6 between two layers, unless such ones are skipped
 */
export async function equalize(
  model: AnyModule,
  input: ModelInput,
  options?: EqualizeOptions,
): Promise<EqualizedPair[]> {
  const { skipRelu6 = false, rules: own } = checkOptions('equalize', options, 'skipRelu6 rules');
  const rules = moduleRules('equalize', own);
  requireNoTraining('equalize', model, rules);
  requireNotCalibrated(model);
  const links = linksOf('equalize', linkedLayers(toFloatModel(model, model, own), input, rules), skipRelu6);
  const weights = await linkedWeights(model, links, rules);
  const groups = links.map(({ from, to }) => ({
    from: from.map((path) => weights.get(path) as HostWeight),
    to: to.map(({ path, repeat }) => ({ weight: weights.get(path) as HostWeight, repeat })),
  }));
  // Each round halves what is left, about; a hundredth of a step of 8 bits is enough.
  for (let round = 0; round < 100; round++) {
    const moved = groups.map(balance);
    if (Math.max(...moved) < 1e-4) break;
  }
  for (const weight of weights.values()) weight.store();
  return pairsOf(links);
}

/** Of each layer, by path. */
export async function linkedWeights(
  model: AnyModule,
  links: readonly LinkedLayers[],
  rules: ModuleRules,
): Promise<Map<string, HostWeight>> {
  const weights = new Map<string, HostWeight>();
  for (const path of new Set(links.flatMap(({ from, to }) => [...from, ...to.map((reader) => reader.path)])))
    weights.set(path, await HostWeight.of(rules.scaledBy(model.getSubmodule(path)) as WeightLayer));
  return weights;
}

export function pairsOf(links: readonly LinkedLayers[]): EqualizedPair[] {
  return links.flatMap(({ from, to }) => from.flatMap((a) => to.map(({ path }): EqualizedPair => [a, path])));
}

/**
 * Puts ReLU in the place of every ReLU6, in place: for `equalize`, before fusing. A bound of 6 can't be equalized, since
 * after it every channel would have another one; networks trained with it lose little or nothing (section 5.1.1).
 *
 * @returns how many there were
 */
export function replaceRelu6(model: AnyModule): number {
  const found = model.namedModules().filter(([, module]) => module instanceof ReLU6);
  for (const [path, module] of found) {
    const relu = new ReLU().train(module.training);
    moveHooks(module, relu);
    model.setSubmodule(path, relu);
  }
  return found.length;
}

function requireNotCalibrated(model: AnyModule): void {
  const seen = model
    .namedModules()
    .find(([, m]) => m instanceof Observer && m.observed && !(m instanceof FixedQParamsObserver));
  if (!seen) return;
  throw new QuantizationError({
    op: 'equalize',
    expected: 'a model before calibration',
    found: `an observer that has seen data ('${seen[0]}')`,
    fix: 'Equalize the fused or freshly prepared model, and calibrate then: the ranges become others.',
  });
}

/** Those that can be scaled. @throws QuantizationError without any, or for a ReLU6 in one, unless such ones are skipped */
export function linksOf(
  op: string,
  links: readonly LinkedLayers[],
  skipRelu6: boolean,
): readonly LinkedLayers[] {
  const stopped = links.find(({ relu6 }) => relu6 !== undefined);
  const free = links.filter(({ relu6 }) => relu6 === undefined);
  if (skipRelu6 && free.length > 0) return free;
  if (stopped) {
    throw new QuantizationError({
      op,
      expected: `ReLU between '${stopped.from[0]}' and '${stopped.to[0].path}'`,
      found: `ReLU6 ('${stopped.relu6}')`,
      fix: 'Call replaceRelu6(model) before fusing, and see that the float model is still as good.',
    });
  }
  if (links.length > 0) return links;
  throw new QuantizationError({
    op,
    expected: 'layers that follow one another with ReLU, pools or nothing between',
    found: 'none',
    fix: 'Fuse the model first: a BatchNorm2d stands between the layers until it is folded.',
  });
}

/** Equation 11 for all channels of a group, by the largest weight of each side. Returns how far it went: the largest |log s|. */
function balance({
  from,
  to,
}: {
  from: readonly HostWeight[];
  to: readonly { weight: HostWeight; repeat: number }[];
}): number {
  const r1 = largest(from.map((weight) => weight.outputRanges()));
  const r2 = largest(to.map(({ weight, repeat }) => weight.inputRanges(from[0].outputs, repeat)));
  // A channel of zeros has no scale to mend.
  const scale = r1.map((r, i) => (r > 0 && r2[i] > 0 ? Math.sqrt(r / r2[i]) : 1));
  for (const weight of from) weight.divideOutputs(scale);
  for (const { weight, repeat } of to) weight.multiplyInputs(scale, repeat);
  return Math.max(...scale.map((s) => Math.abs(Math.log(s))));
}

/** Of each channel. */
export function largest(ranges: readonly Float64Array[]): Float64Array {
  return ranges[0].map((_, i) => Math.max(...ranges.map((r) => r[i])));
}
