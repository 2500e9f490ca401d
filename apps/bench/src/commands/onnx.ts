import { readFileSync } from 'node:fs';
import type { Backend } from '@octet/backend';
import { breathe, signal } from '@octet/cli/interrupt';
import { planOf } from '@octet/graph';
import { type CureTrial, type QuantizeOptions, quantize } from '@octet/inspect';
import { GRU, Linear, LSTM } from '@octet/nn';
import { exportOnnx, type GraphModule, importOnnx } from '@octet/onnx';
import { fuseFx, quantizationReport, quantizeDynamic } from '@octet/quantization';
import { fromData, noGrad, scope, setBackend, type Tensor } from '@octet/tensor';
import { Command, Option } from 'commander';
import { loadBackend } from '../backends';
import { type Host, hostInfo } from '../host';
import { type PeerEngine, peerEngines, start } from '../onnx/engines';
import { measure, type Outputs, type Task } from '../onnx/measure';
import { modelNames, type Named, type OnnxCase, readCase, settledInputs } from '../onnx/samples';
import { backendOption, jsonOption, list, number, whole } from '../options';
import { withProgress } from '../progress';
import { type Provenance, provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right, type TableData } from '../terminal-table';
import { median } from '../timing';

interface OnnxOptions {
  dir: string;
  backend: string;
  models?: string[];
  runs: number;
  quantize: boolean;
  target: number;
  budget: number;
  json?: string;
}

/** `int8` is what `quantize` makes by itself, `quantized` with a target. */
type Variant = 'float' | 'int8' | 'dynamic' | 'quantized';

const titles: Readonly<Record<string, string>> = { int8: 'by default', quantized: 'with a target' };

export interface OnnxRow {
  readonly model: string;
  readonly variant: Variant;
  /** `octet` calls the model, `octet-plan` runs its plan. */
  readonly engine: 'octet' | 'octet-plan' | PeerEngine;
  readonly medianMs: number;
  readonly minMs: number;
  /** Of the ONNX file: the model's own, or what `exportOnnx` writes; undefined if it can't. */
  readonly bytes: number | undefined;
  /** By output, over all inputs; of Octet's rows. */
  readonly sqnrDb?: Readonly<Record<string, number>>;
  readonly task?: Task;
  /** Layers and functions that were not quantized. */
  readonly leftInFloat?: readonly string[];
  /** Of `quantized`: what was tried, on the calibration's inputs, and what it gained. */
  readonly cures?: readonly CureTrial[];
  /** Of `int8` and `quantized`: seconds that `quantize` took. */
  readonly seconds?: number;
}

/** What could not be measured, and why. */
export interface OnnxFailure {
  readonly model: string;
  readonly what: string;
  readonly reason: string;
}

/** What the JSON file says. */
export interface OnnxReport extends Partial<Provenance> {
  readonly command: 'onnx';
  readonly backend: string;
  readonly runs: number;
  readonly rows: readonly OnnxRow[];
  readonly failures: readonly OnnxFailure[];
  readonly host: Host;
}

export function onnxCommand(): Command {
  return new Command('onnx')
    .description(
      'ONNX models of a folder, in float and quantized by graph: speed, size and accuracy, beside onnxruntime',
    )
    .addOption(
      new Option('--dir <folder>', 'models/NAME.onnx and data/NAME.{calibration,evaluation}.safetensors.gz')
        .env('ONNX_MODELS_DIR')
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--models <names>', 'only these, separated by commas').argParser(list((name) => name)),
    )
    .addOption(backendOption())
    .addOption(new Option('--runs <n>', 'timed runs of each').default(20).argParser(whole({ min: 1 })))
    .addOption(
      new Option(
        '--quantize',
        'also what quantize() makes of each, on the inputs of the calibration',
      ).default(false),
    )
    .addOption(new Option('--target <dB>', 'of quantize()').default(60).argParser(number({ min: 1 })))
    .addOption(new Option('--budget <s>', 'of quantize(), for each model').default(300).argParser(number()))
    .addOption(jsonOption())
    .action(benchOnnx);
}

type AnyGraph = GraphModule<Tensor | Tensor[]>;

async function benchOnnx({ dir, models, runs, json, ...options }: OnnxOptions): Promise<void> {
  await checkFilePath(json);
  const names = modelNames(dir, models);
  const backend = await loadBackend(options.backend, { threads: 1 });
  setBackend(backend);
  const rows: OnnxRow[] = [];
  const failures: OnnxFailure[] = [];
  await withProgress('Measuring', async (report) => {
    for (const [i, name] of names.entries()) {
      report(i, names.length, name);
      const bench = new ModelBench(
        readCase(dir, name),
        backend,
        runs,
        options.quantize ? options : undefined,
      );
      try {
        rows.push(...(await bench.run()));
      } catch (error) {
        bench.failed('import', error);
      }
      failures.push(...bench.failures);
    }
    report(names.length, names.length);
  });
  const result: OnnxReport = {
    command: 'onnx',
    ...provenance(),
    ...{ backend: backend.name, runs, rows, failures },
    host: hostInfo(),
  };
  for (const { columns, rows: lines } of onnxTables(result)) console.log(formatTable(columns, lines));
  for (const { model, variant, engine, cures = [], seconds } of rows) {
    if (engine !== 'octet' || seconds === undefined) continue;
    console.log(`${model}, ${titles[variant]} in ${seconds.toFixed(0)} s:`);
    for (const { cure, gainDb, kept, what } of cures) {
      const gain = gainDb === null ? '–' : `${gainDb.toFixed(1)} dB`;
      console.log(`  ${cure.padEnd(12)} ${gain.padStart(8)}  ${kept ? 'kept' : 'not kept'}: ${what}`);
    }
  }
  for (const { model, what, reason } of failures) console.log(`${model}, ${what}: ${reason}`);
  if (json !== undefined) await writeJson(json, result);
}

/** Something to time, and its row without the times. */
interface Contestant {
  readonly row: Omit<OnnxRow, 'medianMs' | 'minMs'>;
  run(): unknown;
  end?(): unknown;
}

/** One model in all variants and engines. */
class ModelBench {
  readonly failures: OnnxFailure[] = [];
  private readonly contestants: Contestant[] = [];

  constructor(
    private readonly given: OnnxCase,
    private readonly backend: Backend,
    private readonly runs: number,
    private readonly search: { readonly target: number; readonly budget: number } | undefined,
  ) {}

  failed(what: string, error: unknown): void {
    if (!(error instanceof Error)) throw error;
    const reason = error.message.split('\n').slice(0, 4).join(' ');
    this.failures.push({ model: this.given.name, what, reason });
  }

  /** @throws OnnxImportError */
  async run(): Promise<OnnxRow[]> {
    const { given } = this;
    const settled = settledInputs(given);
    const model = await importOnnx<Tensor | Tensor[]>(given.file, { inputs: settled });
    const bytes = readFileSync(given.file).length;
    await this.add('float', fuseFx(model), bytes, given.file);
    try {
      await this.addQuantizedBy('int8', model, {});
    } catch (error) {
      this.failed('int8', error);
    }
    if (model.modules().some((m) => m instanceof Linear || m instanceof LSTM || m instanceof GRU)) {
      try {
        await this.addQuantized('dynamic', await quantizeDynamic(model));
      } catch (error) {
        this.failed('dynamic', error);
      }
    }
    if (this.search) {
      try {
        await this.addQuantizedBy('quantized', model, this.search);
      } catch (error) {
        this.failed('quantized', error);
      }
    }
    return this.time();
  }

  private async addQuantizedBy(
    variant: Variant,
    model: AnyGraph,
    { target, budget }: Pick<QuantizeOptions, 'target' | 'budget'>,
  ) {
    const data = this.given.calibration.map((sample) => inputsOf(model, sample.in));
    const { model: int8, report } = await quantize(model, { data, target, budget, signal });
    const { cures, seconds } = report;
    await this.addQuantized(variant, int8, { cures, seconds });
  }

  private async addQuantized(
    variant: Variant,
    model: AnyGraph,
    more: Pick<OnnxRow, 'cures' | 'seconds'> = {},
  ): Promise<void> {
    let file: Uint8Array | undefined;
    try {
      file = await exportOnnx(model, inputsOf(model, this.given.evaluation[0].in), {
        opset: 17,
      });
    } catch (error) {
      this.failed(`${variant}, export`, error);
    }
    await this.add(variant, model, file?.length, file, more);
  }

  private async add(
    variant: Variant,
    model: AnyGraph,
    bytes: number | undefined,
    file: string | Uint8Array | undefined,
    more: Pick<OnnxRow, 'cures' | 'seconds'> = {},
  ): Promise<void> {
    const { given, contestants } = this;
    const got: Outputs[] = [];
    for (const sample of given.evaluation) {
      await breathe();
      got.push(outputsOf(model, sample.in));
    }
    const ref = given.evaluation.map(({ out }) => out as Outputs);
    const report = quantizationReport(model);
    const shared = {
      ...{ model: given.name, variant, bytes, ...measure(given.name, ref, got) },
      ...more,
      ...(report && { leftInFloat: report.inFloat.map(({ name, type }) => `${name} (${type})`) }),
    };
    const example = given.evaluation[0].in;
    const inputs = inputsOf(model, example);
    contestants.push({
      row: { ...shared, engine: 'octet' },
      run: () => scope(() => noGrad(() => void model.call(...inputs))),
    });
    try {
      const plan = planOf(model, inputs, { reuseOutputs: true });
      contestants.push({
        row: { ...shared, engine: 'octet-plan' },
        run: () => plan.run(...inputs),
        end: () => plan.dispose(),
      });
    } catch (error) {
      this.failed(`${variant}, plan`, error);
    }
    if (file === undefined) return;
    for (const engine of peerEngines) {
      try {
        const session = await start(engine, file, example);
        contestants.push({
          row: { model: given.name, variant, engine, bytes },
          run: () => session.run(),
          end: () => session.release(),
        });
      } catch (error) {
        this.failed(`${variant}, ${engine}`, error);
      }
    }
  }

  /** All in turn, so that other load on the machine affects all of them equally. */
  private async time(): Promise<OnnxRow[]> {
    const times = this.contestants.map((): number[] => []);
    for (let round = -3; round < this.runs; round++) {
      for (const [i, { run }] of this.contestants.entries()) {
        await breathe();
        const began = performance.now();
        await run();
        await this.backend.sync?.();
        if (round >= 0) times[i].push(performance.now() - began);
      }
    }
    for (const { end } of this.contestants) await end?.();
    return this.contestants.map(({ row }, i) => ({
      ...row,
      medianMs: median(times[i]),
      minMs: Math.min(...times[i]),
    }));
  }
}

/** The inputs of a model, in its order. */
function inputsOf(model: AnyGraph, given: Named): Tensor[] {
  return model.inputNames.map((name) => {
    const { data, shape } = given[name];
    return data instanceof BigInt64Array
      ? fromData(Int32Array.from(data, Number), shape)
      : fromData(data, shape);
  });
}

function outputsOf(model: AnyGraph, given: Named): Outputs {
  return scope(() => {
    const y = noGrad(() => model.call(...inputsOf(model, given)));
    const outputs = Array.isArray(y) ? y : [y];
    return Object.fromEntries(
      model.outputNames.map((name, i) => [
        name,
        { shape: outputs[i].shape, data: Float32Array.from(outputs[i].dataSync()) },
      ]),
    );
  });
}

/** One row a model: plans by medians, int8 as `quantize` makes it by itself, and with a target where one was asked for. */
export function onnxSummaries(report: OnnxReport): TableData[] {
  const models = [...new Set(report.rows.map(({ model }) => model))];
  return (['int8', 'quantized'] as const).flatMap((variant) => {
    const shown = models.filter((m) => find(report, m, variant, 'octet-plan'));
    if (shown.length === 0) return [];
    const columns = [
      { title: titles[variant] },
      ...[
        'web float ms',
        'octet float ms',
        'is',
        'octet int8 ms',
        'is',
        'web int8 ms',
        'node int8 ms',
        'file',
      ].map(right),
      right('least dB'),
      { title: 'task' },
      ...(variant === 'quantized' ? [{ title: 'kept' }] : []),
    ];
    return [{ columns, rows: shown.map((model) => summary(report, model, variant)) }];
  });
}

function find({ rows }: OnnxReport, model: string, variant: Variant, engine: OnnxRow['engine']) {
  return rows.find((r) => r.model === model && r.variant === variant && r.engine === engine);
}

function summary(report: OnnxReport, model: string, variant: Variant): string[] {
  const ms = (row: OnnxRow | undefined) => (row ? row.medianMs.toFixed(2) : '–');
  const web = find(report, model, 'float', 'onnxruntime-web');
  const float = find(report, model, 'float', 'octet-plan');
  const int8 = find(report, model, variant, 'octet-plan');
  const over = (row: OnnxRow | undefined) =>
    web && row ? `${(web.medianMs / row.medianMs).toFixed(2)} ×` : '–';
  return [
    ...[model, ms(web), ms(float), over(float), ms(int8), over(int8)],
    ms(find(report, model, variant, 'onnxruntime-web')),
    ms(find(report, model, variant, 'onnxruntime-node')),
    int8?.bytes && float?.bytes ? (int8.bytes / float.bytes).toFixed(2) : '–',
    leastDb(int8),
    taskText(int8),
    ...(variant === 'quantized'
      ? [
          int8?.cures
            ?.filter((c) => c.kept)
            .map((c) => c.cure)
            .join(', ') ?? '',
        ]
      : []),
  ];
}

function leastDb(row: OnnxRow | undefined): string {
  return row?.sqnrDb ? Math.min(...Object.values(row.sqnrDb)).toFixed(1) : '';
}

function taskText(row: OnnxRow | undefined): string {
  return Object.entries(row?.task ?? {})
    .map(([what, value]) => `${what} ${Number(value.toFixed(4))}`)
    .join(', ');
}

export function onnxTables({ rows, backend }: OnnxReport): TableData[] {
  const floats = new Map(
    rows.flatMap((r) =>
      r.variant === 'float' && r.engine === 'onnxruntime-web' ? [[r.model, r.minMs]] : [],
    ),
  );
  return [
    {
      columns: [
        { title: `model · ${backend}, 1 thread` },
        { title: 'variant' },
        { title: 'engine' },
        right('median ms'),
        right('least ms'),
        right("web's float over it"),
        right('kB'),
        right('least dB'),
        { title: 'task' },
        right('in float'),
      ],
      rows: rows.map((r) => [
        r.model,
        r.variant,
        r.engine,
        r.medianMs.toFixed(2),
        r.minMs.toFixed(2),
        floats.has(r.model) ? ((floats.get(r.model) as number) / r.minMs).toFixed(2) : '–',
        r.bytes === undefined ? '–' : (r.bytes / 1000).toFixed(0),
        leastDb(r),
        taskText(r),
        r.leftInFloat ? String(r.leftInFloat.length) : '',
      ]),
    },
  ];
}
