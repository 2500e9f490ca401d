import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { breathe, signal } from '@octet/cli/interrupt';
import { planOf } from '@octet/graph';
import { quantize } from '@octet/inspect';
import { exportOnnx } from '@octet/onnx';
import { noGrad, type Tensor } from '@octet/tensor';
import { Command, Option } from 'commander';
import { engines, type Running, startEngine } from '../engines';
import { inputsOf, type Model, openModel } from '../model';
import { type DataOptions, jsonOption, readOptionsOf, whole, withDataOptions } from '../options';
import { bytes, show, table, tell } from '../output';
import { readSamples } from '../samples';

interface BenchOptions extends DataOptions {
  runs: number;
  json?: string | true;
}

interface Row {
  readonly model: string;
  readonly engine: string;
  readonly medianMs: number;
  readonly leastMs: number;
  readonly bytes: number;
}

export const benchCommand = (): Command =>
  withDataOptions(
    new Command('bench')
      .argument('<model>', 'an ONNX file in float, or its address')
      .argument('[int8]', 'the same in int8 (default: made by the recipe alone, on the data)'),
    'random',
  )
    .description(
      'time a model in float and in int8 here, on one thread, beside onnxruntime-web and -node if the project has them',
    )
    .addOption(new Option('--runs <n>', 'runs of each that count').argParser(whole).default(20))
    .addOption(jsonOption())
    .action(bench);

/** A model in one engine, ready to run. */
interface Contender {
  readonly model: string;
  readonly engine: string;
  readonly bytes: number;
  run(): Promise<unknown>;
  release?(): Promise<void>;
}

async function bench(file: string, int8: string | undefined, options: BenchOptions): Promise<void> {
  const float = await openModel(file, options);
  const samples = await readSamples(options.data, inputsOf(float), readOptionsOf(options));
  const inputs = samples[0].inputs;
  const contenders = await contendersOf(
    path.basename(file),
    float,
    await bytesOf(file, float, inputs),
    inputs,
  );
  if (int8 === undefined) {
    tell('octet: the int8 model is made by the recipe alone; octet quantize makes one that is measured.');
    const { model } = await quantize(float, {
      data: samples.map((s) => s.inputs),
      cures: [],
      signal,
    });
    const written = await exportOnnx(model, inputs);
    contenders.push(...(await contendersOf('int8', model as Model, written, inputs)));
  } else {
    const model = await openModel(int8, options);
    const content = await bytesOf(int8, model, inputs);
    contenders.push(...(await contendersOf(path.basename(int8), model, content, inputs)));
  }
  const rows = await timesOf(contenders, options.runs);
  for (const contender of contenders) await contender.release?.();
  await show(textOf(rows), { command: 'bench', model: file, int8: int8 ?? null, rows }, options.json);
}

/** The file's content; what Octet writes for it, if it isn't on this machine. */
async function bytesOf(file: string, model: Model, inputs: Tensor[]): Promise<Uint8Array> {
  const local = (await stat(file).catch(() => undefined))?.isFile();
  return local ? readFile(file) : exportOnnx(model, inputs);
}

async function contendersOf(
  name: string,
  model: Model,
  content: Uint8Array,
  inputs: Tensor[],
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const add = (engine: string, run: Contender['run'], release?: Contender['release']) =>
    contenders.push({ model: name, engine, bytes: content.length, run, ...(release && { release }) });
  add('octet', () => valuesOf(noGrad(() => model.call(...inputs))));
  try {
    const plan = await planOf(model, inputs);
    add(
      'octet, planned',
      () => valuesOf(plan.run(...inputs) as Tensor | Tensor[]),
      async () => plan.dispose(),
    );
  } catch (error) {
    tell(`octet: no plan for ${name}: ${(error as Error).message}`);
  }
  for (const engine of engines) {
    let running: Running | null;
    try {
      running = await startEngine(engine, content, model.inputNames, inputs);
    } catch (error) {
      tell(`octet: ${engine} doesn't run ${name}: ${(error as Error).message}`);
      continue;
    }
    if (running) add(engine, running.run, running.release);
    else tell(`octet: ${engine} is not installed here: npm install ${engine}`);
  }
  return contenders;
}

async function valuesOf(result: Tensor | Tensor[]): Promise<void> {
  for (const t of [result].flat()) await t.data();
}

const WARMUPS = 2;

/** In turn, so that other load on the machine affects all of them equally. */
async function timesOf(contenders: readonly Contender[], runs: number): Promise<Row[]> {
  const times = contenders.map((): number[] => []);
  for (let run = -WARMUPS; run < runs; run++) {
    for (const [i, contender] of contenders.entries()) {
      const start = performance.now();
      await contender.run();
      if (run >= 0) times[i].push(performance.now() - start);
      await breathe();
    }
  }
  return contenders.map(({ model, engine, bytes }, i) => {
    const sorted = times[i].sort((a, b) => a - b);
    return { model, engine, medianMs: sorted[sorted.length >> 1], leastMs: sorted[0], bytes };
  });
}

function textOf(rows: readonly Row[]): string {
  const first = rows[0];
  const cells = rows.map((row) => [
    row.model,
    row.engine,
    row.medianMs.toFixed(2),
    row.leastMs.toFixed(2),
    row === first ? '' : `${(first.leastMs / row.leastMs).toFixed(2)} ×`,
    bytes(row.bytes),
  ]);
  return table([['model', 'engine', 'median ms', 'least ms', 'is', 'file'], ...cells], [2, 3, 4, 5]);
}
