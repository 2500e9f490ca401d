import {
  ArgumentError,
  AutogradError,
  type Backend,
  type CompiledProgram,
  checkOptions,
  DTypeError,
  describe,
  FreedError,
  mixedBackends,
  type PackedWeights,
  QuantizationError,
  requireList,
  ShapeError,
} from '@octet/backend';
import {
  clone,
  formatShape,
  isGradEnabled,
  kernel,
  noGrad,
  type QParams,
  sameQParams,
  sameShape,
  Tensor,
} from '@octet/tensor/functional';
import { type Callable, captureSteps, requireCallable } from './capture';
import { ContentsSeen, FieldsSeen, requireEvaluation } from './guard';
import { interpret } from './interpret';
import { type Lowered, lower } from './lower';

type Storage = Tensor['storage'];

export interface PlanOptions {
  /**
   * Whether every run gives the same output tensors, with the numbers of the latest run. Saves an allocation a run; copy
   * (`clone()`) what must outlive the next.
   */
  reuseOutputs?: boolean;
}

/** How a tensor of the plan looks, and lies in its memory. */
interface Layout {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly dtype: Tensor['dtype'];
  readonly qparams: QParams | undefined;
}

const layoutOf = ({ shape, strides, offset, dtype, qparams }: Tensor): Layout => ({
  shape,
  strides,
  offset,
  dtype,
  qparams,
});

/** Where a tensor of the output lies. */
type OutputFrom =
  | { readonly from: 'output'; readonly index: number }
  | { readonly from: 'input'; readonly index: number }
  | { readonly from: 'state'; readonly storage: Storage }
  | { readonly from: 'constant'; readonly storage: Storage };

type OutputTensor = Layout & OutputFrom;

/**
 * A run of a model with everything decided: kernels, packed weights, memory. It is for inputs of fixed shapes, in evaluation
 * mode, for the weights as they were. Made by `planOf`.
 */
export class Plan<Out = unknown> {
  /** Bytes that the plan holds: the peak of what is computed between inputs and outputs, and what is made of weights once. Weights are the model's. */
  readonly bytes: number;
  /** undefined once it is disposed. */
  private parts: PlanParts | undefined;
  private reused: Storage[] | undefined;
  /** The cells of each step's row. */
  private readonly rows: readonly (readonly string[])[];

  /** @internal */
  constructor(parts: PlanParts, rows: readonly (readonly string[])[]) {
    this.parts = parts;
    this.bytes = parts.compiled.bytes;
    this.rows = rows;
  }

  /**
   * The model's output for these inputs, in the form that the model returns, as a call in noGrad would give it. Inputs are
   * not copied if they lie in memory as the example did, and are no outputs that the plan writes to again. Outputs are new tensors,
   * unless the plan has `reuseOutputs`.
   *
   * @throws ShapeError, DTypeError, QuantizationError, BackendError, ArgumentError for inputs unlike the example
   * @throws ModuleError if a weight, or another field of a module, was changed after planning; FreedError if one was freed
   * @throws FreedError after `dispose`
   * @throws AutogradError for an input that requires a gradient, outside of noGrad
   */
  run(...inputs: readonly unknown[]): Out {
    const { parts } = this;
    if (!parts) {
      throw new FreedError({
        op: 'plan.run',
        expected: 'a plan that is alive',
        found: 'one that was disposed',
        fix: 'Dispose a plan after its last run, or make a new one by planOf.',
      });
    }
    parts.fields.check();
    parts.contents.check();
    const given: Tensor[] = [];
    matchInputs(parts.example, inputs, 'input', given);
    const { ports } = parts;
    for (let i = 0; i < ports.length; i++) {
      requireLike(`input ${i}`, given[i], ports[i], parts.backend);
      if (ports[i].written && this.reused?.includes(given[i].storage)) {
        throw new ArgumentError({
          op: 'plan.run',
          expected: `input ${i}, which the model writes to, to be no output of the run before`,
          found: 'one that this run writes its output to',
          fix: 'Pass its clone(), or plan without reuseOutputs.',
        });
      }
    }
    return noGrad(() => this.runOn(parts, given)) as Out;
  }

  private runOn(parts: PlanParts, given: readonly Tensor[]): unknown {
    const { compiled, ports, backend } = parts;
    const { reused } = this;
    const ins = given.map((x, i) =>
      // What this run writes to keeps no input.
      kernel.withStrides(reused?.includes(x.storage) ? clone(x) : x, ports[i].strides),
    );
    const outs =
      reused ?? parts.outputs.map(({ dtype, length }) => kernel.Storage.allocate(backend, dtype, length));
    try {
      compiled.run(
        ins.map(({ storage }) => storage.buffer),
        outs.map(({ buffer }) => buffer),
      );
    } catch (error) {
      if (!reused) for (const storage of outs) storage.release();
      throw error;
    } finally {
      ins.forEach((x, i) => {
        if (ports[i].written) {
          x.storage.noteWrite('plan.run');
          if (x !== given[i]) given[i].copy_(x);
        }
        if (x !== given[i] && !parts.returnsInput) x.storage.release();
      });
      for (const storage of parts.state) storage.noteWrite('plan.run');
    }
    if (parts.reuseOutputs) this.reused = outs;
    return rebuilt(parts.output, (t) => tensorOf(t, ins, outs));
  }

  /** Gives the plan's memory back. A second call does nothing. */
  dispose(): void {
    if (!this.parts) return;
    const { compiled, packed, taken } = this.parts;
    this.parts = undefined;
    compiled.dispose();
    for (const weights of packed) weights.release();
    for (const storage of taken) storage.free();
    this.reused = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The steps as a table: kernel, module, output, and where it lies. */
  toString(): string {
    const { rows } = this;
    const lines = table([
      ['', 'Kernel', 'Module', 'Output', 'Dtype', 'Memory'],
      ...rows.map((row, i) => [String(i), ...row]),
    ]);
    const steps = `${rows.length} ${rows.length === 1 ? 'step' : 'steps'}`;
    return [`Plan of ${steps}, ${this.bytes.toLocaleString('en-US')} bytes`, ...lines].join('\n');
  }
}

interface Port extends Layout {
  readonly written: boolean;
}

interface PlanParts {
  readonly backend: Backend;
  readonly example: readonly unknown[];
  readonly ports: readonly Port[];
  readonly packed: readonly PackedWeights[];
  readonly compiled: CompiledProgram<unknown>;
  readonly outputs: readonly { readonly dtype: Storage['dtype']; readonly length: number }[];
  readonly output: unknown;
  readonly returnsInput: boolean;
  readonly state: readonly Storage[];
  readonly taken: readonly Storage[];
  readonly fields: FieldsSeen;
  readonly contents: ContentsSeen;
  readonly reuseOutputs: boolean;
}

/**
 * Runs the model once on example inputs and decides everything that a run on inputs of the same shapes needs: which
 * kernels, in what order, on what memory. `plan.run(x)` then gives what `model.call(x)` would, faster, in less memory. For another
 * batch size make another plan: the two share the packed weights.
 *
 * What doesn't depend on the inputs is computed now; kernels that do are written down and don't run. Control flow is that of the
 * example. Hooks of modules see the example's tensors, which have no elements; dispatch hooks see what is computed now.
 *
 * @throws ModuleError, naming the module: for one in training mode, one that draws random numbers, and one that reads on the
 * host what depends on the inputs
 * @throws BackendError for tensors of several backends, ArgumentError for what is no model, and what the call throws
 */
export function planOf<Out>(
  model: Callable & { call(...args: never[]): Out },
  inputs: readonly unknown[],
  options?: PlanOptions,
): Plan<Out> {
  const { reuseOutputs = false } = checkOptions('planOf', options, 'reuseOutputs');
  requireCallable('planOf', model);
  requireList('planOf', 'inputs', inputs);
  const given: Tensor[] = [];
  // Copies: one memory for each input, which is nobody else's.
  const example = noGrad(() =>
    inputs.map((input) =>
      mapTensors(input, (t) => {
        const copy = copyOf(t);
        given.push(copy);
        return copy;
      }),
    ),
  );
  for (const t of given)
    if (t.backend !== given[0].backend) throw mixedBackends('planOf', given[0].backend, t.backend);
  const since = kernel.Storage.now;
  const modules = model.namedModules();
  requireEvaluation(modules);
  const fields = new FieldsSeen(modules);
  const storages = given.map(({ storage }) => storage);
  const recording = captureSteps(model, example, storages);
  let lowered: Lowered | undefined;
  try {
    requireEvaluation(recording.calls.map(({ path = '', module }) => [path, module]));
    fields.dropChanged();
    lowered = lower(recording, storages, given[0]?.backend, since);
    const { backend, program } = lowered;
    const compiled = backend.compile?.(program) ?? interpret(backend, program);
    const written = new Set(
      program.memory.flatMap((m) => (m.kind === 'input' && m.written ? [m.index] : [])),
    );
    const fixed = new Set(program.memory.flatMap((m) => (m.kind === 'fixed' ? [m.buffer] : [])));
    const ours = lowered.constants.filter((s) => recording.held.has(s));
    const output = mapOutput(recording.output, (t): OutputTensor => {
      return { ...layoutOf(t), ...sourceOf(t.storage, storages, lowered as Lowered) };
    });
    const returned = new Set<Storage>();
    rebuilt(output, (t) => {
      if (t.from === 'constant') returned.add(t.storage);
    });
    // Constants that the run made and would have freed are the plan's from now on.
    const taken = ours.filter((s) => fixed.has(s.buffer) || returned.has(s));
    for (const storage of taken) recording.take(storage);
    const others = lowered.constants.filter((s) => !ours.includes(s));
    const parts: PlanParts = {
      backend,
      example: example.map((input) => mapTensors(input, () => port)),
      ports: given.map((t, i) => ({ ...layoutOf(t), written: written.has(i) })),
      packed: lowered.packed,
      compiled,
      outputs: lowered.outputs.map(({ dtype, length }) => ({ dtype, length })),
      output,
      returnsInput: anyOutput(output, ({ from }) => from === 'input'),
      state: lowered.state,
      taken,
      fields,
      contents: new ContentsSeen(others, nameIn(modules)),
      reuseOutputs,
    };
    return new Plan<Out>(parts, rowsOf(lowered, compiled));
  } catch (error) {
    for (const weights of lowered?.packed ?? []) weights.release();
    throw error;
  } finally {
    recording.release();
  }
}

/** What `String(plan)` says of each step: names alone, so that a plan holds no tensor of the recording. */
function rowsOf({ program, labels }: Lowered, { places }: CompiledProgram<unknown>): string[][] {
  return program.steps.map((step, i) => {
    const { name, path, shape, dtype } = labels[i];
    const cells = [name, path, shape ? formatShape(shape) : '', dtype ?? ''];
    if (step.kind === 'host') return [...cells, shape ? 'by dispatch' : ''];
    const at = Object.values(step.outputs)[0]?.memory as number;
    const { kind } = program.memory[at];
    return [...cells, [kind === 'planned' ? '' : kind, places?.[at] ?? ''].filter(Boolean).join(' ')];
  });
}

/** A dense copy that keeps the order of memory. */
function copyOf(x: Tensor): Tensor {
  const dense = kernel.denseInAnyOrder(x);
  const copy = kernel.empty(x.backend, x.shape, {
    dtype: x.dtype,
    strides: dense.strides,
    qparams: x.qparams,
  });
  copy.copy_(x);
  return copy.keep();
}

function sourceOf(storage: Storage, inputs: readonly Storage[], { outputs, state }: Lowered): OutputFrom {
  const input = inputs.indexOf(storage);
  if (input >= 0) return { from: 'input', index: input };
  const index = outputs.indexOf(storage);
  if (index >= 0) return { from: 'output', index };
  return state.includes(storage) ? { from: 'state', storage } : { from: 'constant', storage };
}

/** The name of a constant, for messages: a module's field, where it is one. */
function nameIn(modules: readonly (readonly [path: string, module: object])[]): (storage: Storage) => string {
  return (storage) => {
    for (const [path, module] of modules) {
      for (const [name, value] of Object.entries(module)) {
        if (value instanceof Tensor && value.storage === storage) return path ? `${path}.${name}` : name;
      }
    }
    return 'a tensor that the model reads';
  };
}

function tensorOf(t: OutputTensor, inputs: readonly Tensor[], outputs: readonly Storage[]): Tensor {
  if (t.from === 'output') return new Tensor(outputs[t.index], t, t.dtype, t.qparams);
  if (t.from === 'input') return new Tensor(inputs[t.index].storage, t, t.dtype, t.qparams);
  const there = new Tensor(t.storage, t, t.dtype, t.qparams);
  return t.from === 'constant' ? clone(there) : there;
}

// ---- inputs

/** Stands for a tensor in the example. */
const port = Symbol('tensor');

function mapTensors(value: unknown, fn: (t: Tensor) => unknown): unknown {
  if (value instanceof Tensor) return fn(value);
  return Array.isArray(value) ? value.map((v) => mapTensors(v, fn)) : value;
}

/** Collects the tensors of `given`, which has the form of `example`. @throws ArgumentError if it hasn't */
function matchInputs(
  example: readonly unknown[],
  given: readonly unknown[],
  name: string,
  found: Tensor[],
): void {
  if (given.length !== example.length) {
    throw new ArgumentError({
      op: 'plan.run',
      expected: `${example.length} ${name === 'input' ? 'inputs' : `elements in ${name}`}, as planned`,
      found: String(given.length),
      fix: 'Call it with what the plan was made with.',
    });
  }
  for (let i = 0; i < example.length; i++) {
    const [planned, value] = [example[i], given[i]];
    if (planned === port) {
      if (!(value instanceof Tensor)) kernel.requireTensor('plan.run', value);
      found.push(value as Tensor);
    } else if (Array.isArray(planned)) {
      matchInputs(
        planned,
        requireList('plan.run', `${name} ${i}`, value as unknown[]),
        `${name} ${i}`,
        found,
      );
    } else if (!Object.is(planned, value)) {
      throw new ArgumentError({
        op: 'plan.run',
        expected: `${name} ${i} to be ${describe(planned)}, as planned`,
        found: describe(value),
        fix: 'Only tensors may differ from run to run: make another plan for another value.',
      });
    }
  }
}

function requireLike(name: string, x: Tensor, like: Port, backend: Backend): void {
  const op = 'plan.run';
  const fix = 'Make another plan, by planOf, for other inputs.';
  if (!sameShape(x.shape, like.shape)) {
    const expected = `${name} of shape ${formatShape(like.shape)}, as planned`;
    throw new ShapeError({ op, expected, found: formatShape(x.shape), fix });
  }
  if (x.dtype !== like.dtype) {
    throw new DTypeError({ op, expected: `${name} of dtype ${like.dtype}, as planned`, found: x.dtype, fix });
  }
  if (x.qparams !== like.qparams && !sameQParams(x.qparams, like.qparams)) {
    const expected = `${name} of the scale and zero point that were planned`;
    throw new QuantizationError({ op, expected, found: 'others', fix });
  }
  if (x.backend !== backend) throw mixedBackends(op, backend, x.backend);
  if (x.requiresGrad && isGradEnabled()) {
    throw new AutogradError({
      op,
      expected: 'inputs without gradients, or noGrad: a plan records none',
      found: `${name}, which requires one`,
      fix: 'Use x.detach(), or call the model itself.',
    });
  }
}

// ---- outputs

/** Stands for a tensor in the output. */
class OutputPlace {
  constructor(readonly tensor: OutputTensor) {}
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function mapOutput(value: unknown, fn: (t: Tensor) => OutputTensor): unknown {
  if (value instanceof Tensor) return new OutputPlace(fn(value));
  if (Array.isArray(value)) return value.map((v) => mapOutput(v, fn));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, mapOutput(v, fn)]));
}

function rebuilt(value: unknown, fn: (t: OutputTensor) => unknown): unknown {
  if (value instanceof OutputPlace) return fn(value.tensor);
  if (Array.isArray(value)) return value.map((v) => rebuilt(v, fn));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, rebuilt(v, fn)]));
}

function anyOutput(value: unknown, is: (t: OutputTensor) => boolean): boolean {
  let found = false;
  rebuilt(value, (t) => {
    if (is(t)) found = true;
  });
  return found;
}

/** Aligned columns, a rule under the first row. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [lines[0], rule, ...lines.slice(1)];
}
