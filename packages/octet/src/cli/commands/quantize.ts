import { stat } from 'node:fs/promises';
import path from 'node:path';
import { breathe, signal } from '@octet/cli/interrupt';
import { checkWritable, writeFile } from '@octet/formats';
import {
  type CureName,
  cureNames,
  freeCures,
  type QuantizeProgress,
  quantize,
  renderQuantizeReport,
} from '@octet/inspect';
import { exportOnnx, importOnnx } from '@octet/onnx';
import { dynamic } from '@octet/quantization';
import { Command, InvalidArgumentError, Option } from 'commander';
import { inputsOf, type Model, openModel } from '../model';
import { type DataOptions, jsonOption, readOptionsOf, withDataOptions } from '../options';
import { bytes, show, tell } from '../output';
import { readSamples } from '../samples';

interface QuantizeFlags extends DataOptions {
  target?: number;
  budget: number;
  cures?: CureName[];
  exclude: string[];
  states?: Record<string, string>;
  output?: string;
  report?: string;
  json?: string | true;
}

const decibels = (text: string): number => {
  const value = Number(text.trim().replace(/\s*dB$/i, ''));
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be decibels, such as 30dB.');
};

const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new InvalidArgumentError('It must be seconds, 0 or more.');
};

const cureList = (text: string): CureName[] => {
  if (text === 'none') return [];
  const names = text.split(',').map((name) => name.trim());
  const known = (name: string): name is CureName => cureNames.includes(name as CureName);
  if (names.every(known)) return names;
  throw new InvalidArgumentError(`It must be of ${cureNames.join(', ')}, with commas between, or 'none'.`);
};

/** `state=stateN`, and more after commas; `none`. */
const statePairs = (text: string): Record<string, string> => {
  if (text === 'none') return {};
  const pairs = text.split(',').map((pair) => pair.split('=').map((name) => name.trim()));
  if (pairs.every((names) => names.length === 2 && !names.includes(''))) return Object.fromEntries(pairs);
  throw new InvalidArgumentError("It must be INPUT=OUTPUT, and more after commas, or 'none'.");
};

export const quantizeCommand = (): Command =>
  withDataOptions(new Command('quantize').argument('<model>', 'an ONNX file, or its address'))
    .description('make a model int8, measure what that costs, and mend it where it costs too much')
    .addOption(
      new Option('--target <dB>', 'signal to noise that each output should have').argParser(decibels),
    )
    .addOption(new Option('--budget <s>', 'seconds that cures may take').argParser(seconds).default(300))
    .addOption(
      new Option(
        '--cures <names>',
        `which may be tried, with commas between, as ranges,leaveInFloat; none (default: all with a target, without one ${freeCures.join(',')}, which cost nothing, and weightOnly of models with states)`,
      ).argParser(cureList),
    )
    .addOption(
      new Option('--exclude <path>', 'a layer to leave in float; may be repeated')
        .argParser((name: string, before: string[]) => [...before, name])
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--states <pairs>',
        'inputs that are outputs of the call before, as state=stateN,cache=cache_out; none (default: found by names, of models with recurrent layers)',
      ).argParser(statePairs),
    )
    .addOption(new Option('-o, --output <file>', 'the int8 model (default: MODEL.int8.onnx)'))
    .addOption(new Option('--report <file>', 'a page of HTML that says what was done and what it cost'))
    .addOption(jsonOption())
    .action(run);

async function run(file: string, options: QuantizeFlags): Promise<void> {
  const output = options.output ?? `${path.basename(file).replace(/\.onnx$/i, '')}.int8.onnx`;
  for (const at of [output, options.report]) if (at !== undefined) await checkWritable(at);
  const model = await openModel(file, options);
  const samples = await readSamples(options.data, inputsOf(model), readOptionsOf(options));
  if (options.data === 'random')
    tell('octet: random data: ranges and figures say nothing about real inputs. Give some of those.');
  const progress = progressTo(process.stderr);
  const { model: int8, report } = await quantize(model, {
    data: samples.map(({ inputs }) => inputs),
    exclude: options.exclude,
    budget: options.budget,
    ...(options.cures && { cures: options.cures }),
    ...(options.states && { states: options.states }),
    ...(options.target !== undefined && { target: options.target }),
    onProgress: async (at) => {
      progress(at);
      await breathe();
    },
    signal,
  });
  const written = await exportOnnx(int8, samples[0].inputs);
  await writeFile(output, written, { signal });
  const fixed = await sizesFixed(model, written);
  if (fixed.length > 0)
    tell(`octet: ${output} is for inputs with ${fixed.join(', ')}: the model computes with that size.`);
  const dynamicConvs = int8
    .modules()
    .filter((m) => m instanceof dynamic.Conv1d || m instanceof dynamic.Conv2d);
  if (dynamicConvs.length > 0)
    tell(
      `octet: ${output} has convolutions that quantize their inputs at every call: ${dynamicConvs.length}. Octet multiplies integers in them, onnxruntime floats. If it is to multiply integers, too: --cures ${withoutDynamic(options.cures)}.`,
    );
  if (options.report !== undefined) {
    const title = `${path.basename(file)} in int8`;
    await writeFile(options.report, renderQuantizeReport(report, { title, code: commandLine() }), { signal });
  }
  const before = (await stat(file).catch(() => undefined))?.size;
  const size = before === undefined ? '' : ` of ${bytes(before)} (${(written.length / before).toFixed(2)})`;
  const text = `${report}\n\n${output}: ${bytes(written.length)}${size}`;
  await show(
    text,
    { command: 'quantize', model: file, output, fileBytes: written.length, report },
    options.json,
  );
}

function withoutDynamic(cures: readonly CureName[] = cureNames): string {
  return cures.filter((cure) => cure !== 'dynamic').join(',');
}

/** The sizes that the model leaves open and the file doesn't. */
async function sizesFixed(model: Model, written: Uint8Array): Promise<string[]> {
  const { graph } = await importOnnx(written);
  return model.graph.inputs.flatMap(({ name, shape = [] }) => {
    const sizes = graph.inputs.find((input) => input.name === name)?.shape;
    return shape.flatMap((size, d) =>
      typeof size === 'string' && typeof sizes?.[d] === 'number'
        ? [`dim ${d} of '${name}' = ${sizes[d]}`]
        : [],
    );
  });
}

/** The command as it was given, for a reader to give again. */
function commandLine(): string {
  const words = process.argv.slice(2).map((word) => (/^[\w./:=,@+-]+$/.test(word) ? word : `'${word}'`));
  return `npx octet ${words.join(' ')}`;
}

const SECONDS_BETWEEN_LINES = 5;

/** Says from time to time how far it is. */
function progressTo(stream: NodeJS.WriteStream): (at: QuantizeProgress) => void {
  let next = 0;
  let last = '';
  return ({ what, done, total, db }) => {
    const now = performance.now();
    if (what === last && now < next) return;
    last = what;
    next = now + 1000 * SECONDS_BETWEEN_LINES;
    stream.write(`${what} ${done}/${total}${db === null ? '' : `, ${db.toFixed(1)} dB so far`}\n`);
  };
}
