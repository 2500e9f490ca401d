import { tensorsIn } from '@octet/graph';
import type { AnyModule, Parameter } from '@octet/nn';
import { Adam } from '@octet/optim';
import { FakeQuantizeBase, LearnableFakeQuantize } from '@octet/quantization';
import { add, mean, mul, noGrad, sub, type Tensor } from '@octet/tensor';
import type { ModelInput } from '../inputs';
import { blocksOf, partOf } from './blocks';
import { outputsOf } from './outputs';
import { type AnyGraph, quantizersOf } from './simulation';
import { varied } from './vary';

/** How long, and who is told. */
export interface TrainOptions {
  /** Steps of each block, or of the whole. */
  readonly steps: number;
  /** When to stop, by `Date.now()`. */
  readonly until: number;
  /** Waited for between steps; it may throw to end. */
  readonly breathe: (done: number, total: number) => unknown;
}

/** Inputs and what should come of them. */
interface Example {
  readonly inputs: readonly Tensor[];
  readonly expected: readonly Tensor[];
  /** 1 / the mean square of each output. */
  readonly weights: readonly number[];
}

/**
 * Reconstruction block by block (BRECQ, Li et al., 2021, https://arxiv.org/abs/2102.05426, with straight-through gradients): weights, biases and
 * the scales of activations of each block are trained so that it gives what the float block gives, from inputs that the blocks before
 * it left. No labels; few inputs are enough, since each has many places. In place.
 *
 * @param exact a simulation of the same graph: without rounding it computes what the float model does
 * @returns whether all blocks were reached in time
 */
export async function reconstruct(
  simulation: AnyGraph,
  exact: AnyGraph,
  inputs: readonly ModelInput[],
  { steps, until, breathe }: TrainOptions,
): Promise<boolean> {
  for (const quantizer of quantizersOf(exact)) quantizer.enableFakeQuant(false);
  const blocks = blocksOf(simulation);
  const start = Date.now();
  let float = inputs.map((input) => tensorsOf(input));
  let rounded = float;
  for (const [b, block] of blocks.entries()) {
    const part = partOf(simulation, block);
    const exactPart = partOf(exact, block);
    const expected = float.map((each) => outputsOf(exactPart, each));
    // Each block gets its share of the time that is left.
    const left = Math.max(0, until - Date.now());
    const share = Date.now() + left / (blocks.length - b);
    if (part.parameters().length > 0 && left > 0)
      await fit(part, await examplesOf(rounded, expected), {
        steps,
        until: share,
        breathe: () => breathe(b, blocks.length),
      });
    const next = rounded.map((each) => outputsOf(part, each));
    float = expected;
    rounded = next;
    if (Date.now() > until && until > start) return b === blocks.length - 1;
  }
  return true;
}

/**
 * Trains a whole simulation towards the float model's own outputs: distillation, without labels. With `vary`, two of three steps
 * see variations of the inputs, which the float model answers for, too. In place: as it was best by `judge`, which is asked from time to time;
 * without one, as it is in the end.
 *
 * @returns how many steps the best took
 */
export async function distill(
  simulation: AnyGraph,
  float: AnyGraph,
  inputs: readonly ModelInput[],
  judge: ((simulation: AnyGraph) => Promise<number>) | undefined,
  { vary, ...options }: TrainOptions & { readonly vary: boolean },
): Promise<number> {
  const { steps, until, breathe } = options;
  const groups = await parameterGroups(simulation);
  if (groups.length === 0) return 0;
  const optimizer = new Adam(groups.map(({ params, lr }) => ({ params, lr })));
  const given = inputs.map((input) => tensorsOf(input));
  const begun = await judge?.(simulation);
  let best = begun === undefined ? undefined : { db: begun, step: 0, state: simulation.clone().stateDict() };
  const start = Date.now();
  for (let step = 1; step <= steps && Date.now() <= until; step++) {
    const done = Math.max(step / steps, (Date.now() - start) / Math.max(1, until - start));
    for (const [g, group] of optimizer.paramGroups.entries())
      group.lr = DISTILL_RATE * groups[g].lr * (1 - done);
    const args =
      !vary || step % 3 === 0
        ? given[Math.ceil(step / (vary ? 3 : 1)) % given.length]
        : tensorsOf(await varied(inputs, Math.ceil((2 * step) / 3)));
    const [example] = await examplesOf([args], [outputsOf(float, args)]);
    if (!descend(simulation, example, optimizer)) break;
    await breathe(step, steps);
    if (!judge || !best || step % JUDGED_EVERY !== 0) continue;
    const db = await judge(simulation);
    if (db > best.db) best = { db, step, state: simulation.clone().stateDict() };
    else if (step - best.step >= PATIENCE) break;
  }
  rest(simulation, optimizer);
  if (!best) return steps;
  simulation.loadStateDict(best.state);
  return best.step;
}

const DISTILL_RATE = 0.3;
const JUDGED_EVERY = 25;
const PATIENCE = 150;

function tensorsOf(input: ModelInput): Tensor[] {
  return (Array.isArray(input) ? input : [input]) as Tensor[];
}

async function examplesOf(
  inputs: readonly (readonly Tensor[])[],
  expected: readonly (readonly Tensor[])[],
): Promise<Example[]> {
  const examples: Example[] = [];
  for (const [i, outputs] of expected.entries()) {
    const weights: number[] = [];
    for (const y of outputs) {
      const square = (await noGrad(() => mean(mul(y, y))).data())[0];
      weights.push(square > 0 ? 1 / square : 0);
    }
    examples.push({ inputs: inputs[i], expected: outputs, weights });
  }
  return examples;
}

/** In steps of int8: how far weights, and scales relative to themselves, move in a step at first. */
const WEIGHT_RATE = 0.01;
const SCALE_RATE = 0.002;

/** Trains a part on examples, at falling rates. */
async function fit(part: AnyGraph, examples: readonly Example[], options: TrainOptions): Promise<void> {
  const { steps, until, breathe } = options;
  const groups = await parameterGroups(part);
  if (groups.length === 0) return;
  const optimizer = new Adam(groups.map(({ params, lr }) => ({ params, lr })));
  const start = Date.now();
  for (let step = 0; step < steps; step++) {
    const now = Date.now();
    if (now > until) break;
    // By time where that is shorter.
    const done = Math.max(step / steps, (now - start) / Math.max(1, until - start));
    for (const [g, group] of optimizer.paramGroups.entries())
      group.lr = groups[g].lr * 0.5 * (1 + Math.cos(Math.PI * done));
    if (!descend(part, examples[step % examples.length], optimizer)) break;
    await breathe(step, steps);
  }
  rest(part, optimizer);
}

/** One step down the mean square error, relative to the outputs' own. Whether there was one: what learns may not reach the outputs. */
function descend(part: AnyGraph, { inputs, expected, weights }: Example, optimizer: Adam): boolean {
  let loss: Tensor | undefined;
  for (const [k, y] of tensorsIn(part.call(...inputs)).entries()) {
    const d = sub(y, expected[k]);
    const term = mul(mean(mul(d, d)), weights[k]);
    loss = loss ? add(loss, term) : term;
  }
  if (!loss?.requiresGrad) return false;
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return true;
}

/** Nothing learns any more. */
function rest(part: AnyGraph, optimizer: Adam): void {
  optimizer.zeroGrad();
  for (const quantizer of quantizersOf(part))
    if (quantizer instanceof LearnableFakeQuantize) quantizer.scale.requiresGrad = false;
}

interface Group {
  readonly params: Parameter[];
  readonly lr: number;
}

/** Layers with int8 weights, and what learns of them. */
interface Trained {
  readonly weight: Parameter;
  readonly bias?: Parameter;
  readonly weightFakeQuant: FakeQuantizeBase;
  readonly activationPostProcess?: unknown;
}

/** What learns, each at a rate in its own units: steps of its integers. */
async function parameterGroups(part: AnyGraph): Promise<Group[]> {
  const groups: Group[] = [];
  const scaleOf = async (quantizer: FakeQuantizeBase) => {
    const scales = Array.from(await quantizer.scale.data());
    return scales.reduce((sum, s) => sum + s, 0) / scales.length;
  };
  for (const module of part.modules()) {
    const layer = module as AnyModule & Partial<Trained>;
    if (layer.weightFakeQuant && layer.weight) {
      const step = await scaleOf(layer.weightFakeQuant);
      groups.push({ params: [layer.weight], lr: WEIGHT_RATE * step });
      const after = layer.activationPostProcess;
      const output = after instanceof FakeQuantizeBase ? await scaleOf(after) : undefined;
      if (layer.bias && output !== undefined) groups.push({ params: [layer.bias], lr: WEIGHT_RATE * output });
    }
    if (module instanceof LearnableFakeQuantize) {
      module.scale.requiresGrad = true;
      groups.push({ params: [module.scale], lr: SCALE_RATE * (await scaleOf(module)) });
    }
  }
  return groups;
}
