import { referenceBackend } from '@octet/backend-js-reference';
import { planOf } from '@octet/graph';
import type { Module } from '@octet/nn';
import { manualSeed, noGrad, setBackend, type Tensor } from '@octet/tensor';
import { Command, Option } from 'commander';
import { loadBackend } from '../backends';
import { formatCount } from '../format';
import { type Host, hostInfo } from '../host';
import { joined, type Layer, lackingFloat, measureLayers, type Side } from '../layers';
import { type LayersModel, type LayersModelName, layersModelNames, layersModels } from '../layers-models';
import { backendOption, checkNumbers, jsonOption, modelOption, threadsOption, whole } from '../options';
import { type Provenance, provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right, type TableData } from '../terminal-table';
import { median, timeInTurn, warmUp } from '../timing';

interface LayersOptions {
  model: LayersModelName;
  backend: string;
  threads: number;
  batch: number;
  size?: number;
  runs: number;
  json?: string;
}

export function layersCommand(): Command {
  const sizes = Object.entries(layersModels).map(([name, { size }]) => `${name} ${size}`);
  return new Command('layers')
    .description('time every layer of a model in float and in int8, and name its kernels')
    .addOption(modelOption(layersModelNames).makeOptionMandatory())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(new Option('--batch <n>', 'inputs at once').default(1).argParser(whole({ min: 1 })))
    .addOption(
      new Option(
        '--size <n>',
        `height and width of images, samples of a sound, or tokens (default: ${sizes.join(', ')})`,
      ).argParser(whole({ min: 1 })),
    )
    .addOption(new Option('--runs <n>', 'timed runs').default(5).argParser(whole({ min: 1 })))
    .addOption(jsonOption())
    .action(benchLayers);
}

async function benchLayers({ model: name, batch, runs, json, ...options }: LayersOptions): Promise<void> {
  await checkFilePath(json);
  const network: LayersModel = layersModels[name];
  const size = options.size ?? network.size;
  const shape = network.shape(batch, size);
  checkNumbers('--batch and --size', shape);
  const backend = await loadBackend(options.backend, options);
  // What is made ready in float is so on the reference: the backend may have the int8 kernels only.
  setBackend(referenceBackend);
  manualSeed(0);
  const given = network.input(shape);
  const float = network.create();
  const int8 = await (await network.quantize(float, given)).toAsync(backend);
  await float.toAsync(backend);
  const x = await given.toAsync(backend);
  setBackend(backend);
  const floatSkipped = lackingFloat(float, x);
  const layers = joined(
    floatSkipped === undefined ? await measureLayers(float, x, { runs, backend }) : [],
    await measureLayers(int8, x, { runs, backend }),
  );

  console.log(
    `${name}  [${shape.join(', ')}] · ${backend.name} · median of ${runs} ${runs === 1 ? 'run' : 'runs'}\n`,
  );
  if (floatSkipped !== undefined) console.log(`float32 was skipped on ${backend.name}: ${floatSkipped}.\n`);
  const report: LayersReport = {
    command: 'layers',
    ...provenance(),
    backend: backend.name,
    threads: options.threads,
    model: name,
    batch,
    size,
    runs,
    layers,
    passes: {
      ...(floatSkipped === undefined ? { fp32: await timePasses(float, x, runs) } : {}),
      int8: await timePasses(int8, x, runs),
    },
    ...(floatSkipped === undefined ? {} : { floatSkipped }),
    host: hostInfo(),
  };
  for (const { columns, rows } of layersTables(report)) console.log(formatTable(columns, rows));
  for (const [dtype, { callMs, planMs }] of Object.entries(report.passes ?? {})) {
    const [call, plan] = [callMs, planMs].map((ms) => `${ms.toFixed(3)} ms`);
    console.log(
      `One pass in ${dtype}: a call ${call}, a plan's run ${plan}, ${(callMs / planMs).toFixed(2)} × as fast`,
    );
  }
  if (json !== undefined) await writeJson(json, report);
}

/** A whole pass of a network, by a call and by a plan. */
export interface Pass {
  callMs: number;
  planMs: number;
}

async function timePasses(model: Module, x: Tensor, runs: number): Promise<Pass> {
  using plan = planOf(model.eval(), [x]);
  const ways = [() => noGrad(() => model.call(x)), () => plan.run(x)];
  const { backend } = x;
  await warmUp(ways, { backend });
  const [callMs, planMs] = (await timeInTurn(ways, { runs, backend, warmup: 0 })).map(median);
  return { callMs, planMs };
}

/** What the JSON file says. */
export interface LayersReport extends Partial<Provenance> {
  command: 'layers';
  backend: string;
  threads: number;
  model: LayersModelName;
  batch: number;
  size: number;
  runs: number;
  layers: Layer[];
  /** Whole passes by dtype; files of older versions have none. */
  passes?: { fp32?: Pass; int8: Pass };
  /** Why only int8 was timed, if so. */
  floatSkipped?: string;
  host: Host;
}

export function layersTables({ layers }: LayersReport): TableData[] {
  const sum = (of: (layer: Layer) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  const fp32Ms = sum(({ fp32 }) => fp32?.medianMs ?? 0);
  const int8Ms = sum(({ int8 }) => int8?.medianMs ?? 0);
  const macs = sum((layer) => layer.macs);
  return [
    {
      columns: [
        { title: 'layer' },
        right('MACs'),
        right('fp32 ms'),
        right('int8 ms'),
        right('ratio'),
        { ...right('fp32 GMAC/s'), spare: 2 },
        { ...right('int8 GMAC/s'), spare: 2 },
        { title: 'fp32 kernels', spare: 1 },
        { title: 'int8 kernels', spare: 1 },
      ],
      rows: [
        ...layers.map((layer) => [
          layer.path,
          ...numbers(layer.macs, layer.fp32?.medianMs, layer.int8?.medianMs),
          kernelNames(layer.fp32),
          kernelNames(layer.int8),
        ]),
        ['total', ...numbers(macs, fp32Ms, int8Ms), '', ''],
      ],
    },
  ];
}

function numbers(macs: number, fp32Ms: number | undefined, int8Ms: number | undefined): string[] {
  const ms = (value: number | undefined) => value?.toFixed(3) ?? '';
  const speed = (value: number | undefined) => (value && macs ? (macs / value / 1e6).toFixed(2) : '');
  return [
    macs ? formatCount(macs) : '',
    ms(fp32Ms),
    ms(int8Ms),
    fp32Ms && int8Ms ? (fp32Ms / int8Ms).toFixed(2) : '',
    speed(fp32Ms),
    speed(int8Ms),
  ];
}

/** As in `linear relu · js`, or `linear · mine, relu → js (fallback)`. */
function kernelNames(side: Side | null): string {
  const kernels = side?.kernels ?? [];
  const own = kernels.filter(({ fallback }) => !fallback);
  return [
    ...(own.length > 0 ? [`${own.map(({ kernel }) => kernel).join(' ')} · ${own[0].backend}`] : []),
    ...kernels
      .filter(({ fallback }) => fallback)
      .map(({ kernel, backend }) => `${kernel} → ${backend} (fallback)`),
  ].join(', ');
}
