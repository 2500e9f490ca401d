import type { DType } from '@octet/backend';
import { capture, onlyMovesData, tensorsIn } from '@octet/graph';
import { formatShape, getBackend, Tensor, zeros } from '@octet/tensor/functional';
import { Identity } from './layers';
import { type AnyModule, typeName } from './module';
import { Parameter } from './parameter';

/** What a module may tell `summary` about itself. */
export interface Measured {
  /** Multiplications of one call, for the shapes of its input and output. */
  macs?(input: readonly number[], output: readonly number[]): number;
  /** How many numbers it learned, where they aren't in `Parameter` fields. */
  readonly parameterCount?: number;
  /** The bytes of these. */
  readonly parameterBytes?: number;
}

/** What one layer did in a run of the model. */
export interface LayerSummary {
  readonly path: string;
  /** The name of its class. */
  readonly type: string;
  /** Of its first output, in the last of its calls. */
  readonly shape: readonly number[];
  readonly dtype: DType | undefined;
  /** How many numbers it learned, and their bytes. */
  readonly parameters: number;
  readonly bytes: number;
  /** Multiplications of all its calls. */
  readonly macs: number;
  readonly kernels: readonly string[];
}

/** What a model is run on: the shape of a float input, a tensor, or one for each argument of `forward`. */
export type SummaryInput = readonly number[] | Tensor | readonly Tensor[];

/**
 * The layers that an input passes, in order: those that compute something themselves, with what they have learned and how much they
 * multiply. Plain data.
 *
 * Runs a copy of the model in evaluation mode, on zeros where `input` is a shape: the model itself isn't touched, its observers see
 * nothing.
 */
export function layerSummaries(model: AnyModule, input: SummaryInput): LayerSummary[] {
  return summarize(model, input).layers;
}

/**
 * A table of `layerSummaries`: path, type, output shape and dtype, parameters, their bytes, multiplications (MACs) and the
 * kernels that computed it; totals below.
 */
export function summary(model: AnyModule, input: SummaryInput): string {
  const { layers, parameters, bytes } = summarize(model, input);
  return table([
    ['Layer', 'Type', 'Output', 'Dtype', 'Parameters', 'Bytes', 'MACs', 'Kernel'],
    ...layers.map((layer) => [
      layer.path || '(model)',
      layer.type,
      layer.dtype === undefined ? '' : formatShape(layer.shape),
      layer.dtype ?? '',
      number(layer.parameters),
      number(layer.bytes),
      number(layer.macs),
      layer.kernels.join(' '),
    ]),
    [
      'Total',
      '',
      '',
      '',
      number(parameters, '0'),
      number(bytes, '0'),
      number(
        layers.reduce((sum, { macs }) => sum + macs, 0),
        '0',
      ),
      '',
    ],
  ]);
}

function summarize(model: AnyModule, input: SummaryInput) {
  const copy = model.clone().eval();
  const modules = copy.modules();
  const total = (of: (module: AnyModule) => number) => modules.reduce((sum, module) => sum + of(module), 0);
  const layers = rowsOf(copy, tensorsOf(copy, input))
    .filter(
      // An Identity stands where fusing took a layer away.
      ({ module, kernels }) =>
        kernels.size > 0 ||
        countOf(module) > 0 ||
        (module.children().length === 0 && !(module instanceof Identity)),
    )
    .map(({ path, module, output, macs, kernels }) => ({
      path,
      type: typeName(module),
      shape: output?.shape ?? [],
      dtype: output?.dtype,
      parameters: countOf(module),
      bytes: bytesOf(module),
      macs,
      kernels: [...kernels],
    }));
  return { layers, parameters: total(countOf), bytes: total(bytesOf) };
}

function tensorsOf(model: AnyModule, input: SummaryInput): readonly Tensor[] {
  if (input instanceof Tensor) return [input];
  if (input.some((each) => each instanceof Tensor)) return input as readonly Tensor[];
  return [zeros(input as readonly number[], { backend: backendOf(model) })];
}

interface Row {
  readonly path: string;
  readonly module: AnyModule;
  output: { readonly shape: readonly number[]; readonly dtype: DType } | undefined;
  macs: number;
  readonly kernels: Set<string>;
}

/** Runs the model; one row for each module that was called, in the order of the first calls. */
function rowsOf(model: AnyModule, inputs: readonly Tensor[]): Row[] {
  const rows = new Map<object, Row>();
  const recording = capture(model, ...inputs);
  try {
    for (const { module, path, args, output } of recording.calls) {
      if (path === undefined) continue;
      const known = rows.get(module);
      const row = known ?? {
        path,
        module: module as AnyModule,
        output: undefined,
        macs: 0,
        kernels: new Set(),
      };
      rows.set(module, row);
      const [x] = tensorsIn(args);
      const [y] = tensorsIn(output);
      row.output = y && { shape: y.shape, dtype: y.dtype };
      if (x && y) row.macs += (module as Measured).macs?.(x.shape, y.shape) ?? 0;
    }
    for (const { kernel, call } of recording.kernels) {
      if (call && !onlyMovesData(kernel)) rows.get(call.module)?.kernels.add(kernel);
    }
  } finally {
    recording.release();
  }
  return [...rows.values()];
}

function backendOf(model: AnyModule) {
  return (model.parameters()[0] ?? model.buffers()[0])?.backend ?? getBackend();
}

function ownParameters(module: AnyModule): Parameter[] {
  return Object.values(module).filter((value) => value instanceof Parameter);
}

function countOf(module: AnyModule): number {
  return (module as Measured).parameterCount ?? ownParameters(module).reduce((sum, p) => sum + p.numel, 0);
}

function bytesOf(module: AnyModule): number {
  return (module as Measured).parameterBytes ?? ownParameters(module).reduce((sum, p) => sum + p.nbytes, 0);
}

function number(value: number, zero = ''): string {
  return value === 0 ? zero : value.toLocaleString('en-US');
}

/** Aligned columns, a rule under the first row and above the last; numbers to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const numeric = [4, 5, 6];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (numeric.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
  return [lines[0], rule, ...lines.slice(1, -1), rule, lines.at(-1)].join('\n');
}
