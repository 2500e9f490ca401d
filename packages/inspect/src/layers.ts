import {
  ArgumentError,
  type Backend,
  describe,
  QuantizationError,
  requireList,
  requireType,
} from '@octet/backend';
import { type AnyModule, type Measured, Parameter } from '@octet/nn';
import { FloatFunctional, intrinsic, type ModuleRules, quantized } from '@octet/quantization';
import { noGrad, Tensor } from '@octet/tensor';

/** What a model is called with: a tensor, or an array of arguments. */
export type ModelInput = Tensor | readonly unknown[];

/** Inputs one after another; each is looked at once and let go. */
export type Inputs = Iterable<ModelInput> | AsyncIterable<ModelInput>;

/** A layer in both forms. */
export interface LayerPair {
  readonly path: string;
  readonly float: AnyModule;
  /** The float one's own class if it was left in float. */
  readonly int8: AnyModule;
}

/**
 * The layers of `converted` that compute, with those of its float model: what has no layers of its own, and what counts as
 * one (fused layers, LSTM, and those with a rule).
 */
export function layerPairs(floatModel: AnyModule, converted: AnyModule, rules: ModuleRules): LayerPair[] {
  const isLayer = (module: AnyModule, path: string) =>
    isWhole(rules, module) || isWhole(rules, floatModel.getSubmodule(path));
  return leavesOf(converted, isLayer).flatMap(([path, int8]) => {
    const float = floatModel.getSubmodule(path);
    return rules.isTransparent(float) ? [] : [{ path, float, int8 }];
  });
}

/** Whether a module counts as one layer, whatever is inside. */
export function isWhole(rules: ModuleRules, module: AnyModule): boolean {
  return rules.isLayer(module) || rules.dynamicTypes.some((type) => module instanceof type);
}

/** The layers of a model that have none inside, or count as one. */
export function leavesOf(
  model: AnyModule,
  isLayer: (module: AnyModule, path: string) => boolean,
  at = '',
): [path: string, module: AnyModule][] {
  return model.namedChildren().flatMap(([name, child]): [string, AnyModule][] => {
    const path = at === '' ? name : `${at}.${name}`;
    return child.children().length === 0 || isLayer(child, path)
      ? [[path, child]]
      : leavesOf(child, isLayer, path);
  });
}

/** One run of a layer. */
export interface Call {
  /** `forward`, or the method of a FloatFunctional. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly output: Tensor;
}

export interface Recording {
  readonly output: Tensor;
  /** The runs of each layer that ran, by path, in the order of their first ends. */
  readonly calls: ReadonlyMap<string, readonly Call[]>;
}

/** A FloatFunctional and its int8 form are run by these. */
const functionalMethods = ['add', 'addRelu', 'mul', 'cat', 'addScalar', 'mulScalar'];

/** Runs a model once and keeps what its layers took and gave. The model is left as it was. */
export function record(
  model: AnyModule,
  layers: readonly (readonly [path: string, layer: AnyModule])[],
  input: ModelInput,
): Recording {
  const calls = new Map<string, Call[]>();
  const undo: (() => void)[] = [];
  for (const [path, layer] of layers) {
    const note = (method: string, args: readonly unknown[], result: unknown) => {
      const output = firstTensor(result);
      if (output) calls.set(path, [...(calls.get(path) ?? []), { method, args, output }]);
    };
    if (layer instanceof FloatFunctional || layer instanceof quantized.QFunctional) {
      const methods = layer as unknown as Record<string, (...args: unknown[]) => unknown>;
      for (const method of functionalMethods) {
        const original = methods[method];
        methods[method] = (...args) => {
          const result = original.apply(layer, args);
          note(method, args, result);
          return result;
        };
        undo.push(() => delete methods[method]);
      }
    } else {
      const hook = layer.registerForwardHook((_, args, output) => note('forward', args, output));
      undo.push(() => hook.remove());
    }
  }
  try {
    const output = firstTensor(noGrad(() => model.call(...argumentsOf(input))));
    return { output: output as Tensor, calls };
  } finally {
    for (const remove of undo) remove();
  }
}

/** Runs a layer as in a recorded call, on other arguments. */
export function replay(layer: AnyModule, method: string, args: readonly unknown[]): Tensor {
  const methods = layer as unknown as Record<string, (...args: unknown[]) => unknown>;
  return noGrad(() => firstTensor(methods[method](...args)) as Tensor);
}

export function argumentsOf(input: ModelInput): readonly unknown[] {
  return input instanceof Tensor ? [input] : input;
}

function firstTensor(value: unknown): Tensor | undefined {
  if (value instanceof Tensor) return value;
  return Array.isArray(value) ? value.map(firstTensor).find((t) => t !== undefined) : undefined;
}

/** The same arguments with `fn` applied to every tensor, and to what stands in its place in `beside`. */
export function mapTensors<T>(
  value: T,
  fn: (tensor: Tensor, beside: unknown) => Tensor,
  beside: unknown = undefined,
): T {
  if (value instanceof Tensor) return fn(value, beside) as T;
  if (!Array.isArray(value)) return value;
  return value.map((v, i) => mapTensors(v, fn, Array.isArray(beside) ? beside[i] : undefined)) as T;
}

/** The arguments on another backend. */
export function moved<T>(value: T, backend: Backend): Promise<T> {
  if (value instanceof Tensor) return value.toAsync(backend) as Promise<T>;
  if (!Array.isArray(value)) return Promise.resolve(value);
  return Promise.all(value.map((v) => moved(v, backend))) as Promise<T>;
}

/** The numbers of a tensor, dequantized. */
export function valuesOf(t: Tensor): Promise<ArrayLike<number>> {
  return (t.isQuantized ? noGrad(() => t.dequantize()) : t).data();
}

/** The module that holds a layer's weight: of a fused one, its first. */
export function weightLayer(layer: AnyModule): WeightHolder | undefined {
  const holder = layer instanceof intrinsic.FusedModule ? layer.at(0) : layer;
  return 'weight' in holder && holder.weight instanceof Tensor
    ? (holder as unknown as WeightHolder)
    : undefined;
}

export interface WeightHolder {
  weight: Tensor;
  bias?: Tensor | undefined;
}

/** A copy of a float layer with the int8 layer's weight, dequantized, and its bias; undefined where neither has a weight. */
export function withInt8Weight({ float, int8 }: LayerPair): AnyModule | undefined {
  const rounded = weightLayer(int8);
  const copy = float.clone();
  const holder = weightLayer(copy);
  if (!holder || !rounded?.weight.isQuantized) return undefined;
  putWeight(holder, new Parameter(noGrad(() => rounded.weight.dequantize())));
  holder.bias = rounded.bias && new Parameter(rounded.bias);
  return copy;
}

/** Gives a layer another weight, also where it works out its own from other parameters. */
export function putWeight(holder: WeightHolder, weight: Tensor): void {
  Object.defineProperty(holder, 'weight', {
    value: weight,
    writable: true,
    configurable: true,
    enumerable: true,
  });
}

/** The name of a layer's class. Bundlers write an underscore before that of a class which names itself. */
export function typeName(layer: AnyModule): string {
  return layer.constructor.name.replace(/^_/, '');
}

/** Whether the layer computes on integers, or has int8 weights. */
export function isInt8({ float, int8 }: LayerPair): boolean {
  return float.constructor !== int8.constructor;
}

/** Multiplications of one call; those of a fused layer are its parts'. */
export function macsOf(layer: AnyModule, { args, output }: Call): number {
  const [input] = args;
  if (!(input instanceof Tensor)) return 0;
  const parts: (AnyModule & Measured)[] = layer instanceof intrinsic.FusedModule ? layer.children() : [layer];
  return parts.reduce((sum, part) => sum + (part.macs?.(input.shape, output.shape) ?? 0), 0);
}

/** The bytes of a layer's weights and biases. */
export function bytesOf(layer: AnyModule): number {
  const own = (layer as Measured).parameterBytes;
  return own ?? [...layer.parameters(), ...layer.buffers()].reduce((sum, t) => sum + t.nbytes, 0);
}

/**
 * The metric of the float model.
 * @throws ArgumentError unless `metric` is a function, and what it gives a number
 */
export async function metricOfFloat<M>(
  op: string,
  metric: (model: M) => number | Promise<number>,
  model: M,
): Promise<number> {
  requireType(op, 'metric', metric, 'function');
  const value: unknown = await metric(model);
  if (typeof value === 'number') return value;
  throw new ArgumentError({
    op,
    expected: 'a metric that gives a number',
    found: `${describe(value)} of the float model`,
    fix: 'Check the metric on the model before it is quantized.',
  });
}

/** @throws ArgumentError for what can't be iterated, QuantizationError for no inputs */
export async function collect(op: string, data: Inputs): Promise<ModelInput[]> {
  requireInputs(op, data);
  const inputs: ModelInput[] = [];
  for await (const input of data) inputs.push(input);
  if (inputs.length === 0) throw noInputs(op);
  return inputs;
}

/** @throws ArgumentError for what can't be iterated */
export function requireInputs(op: string, data: unknown): void {
  const given = Object(data);
  if (!(Symbol.iterator in given || Symbol.asyncIterator in given)) requireList(op, 'data', data as never);
}

export function noInputs(op: string): QuantizationError {
  return new QuantizationError({
    op,
    expected: 'some inputs',
    found: 'none',
    fix: 'Pass an array, or a generator that was not used up before.',
  });
}
