import { breathe } from '@octet/cli/interrupt';
import { save } from '@octet/formats';
import { noGrad, type Tensor } from '@octet/tensor';
import { Command, Option } from 'commander';
import { inputsOf, openModel, outputsOf } from '../model';
import { type DataOptions, jsonOption, readOptionsOf, withDataOptions } from '../options';
import { show, table } from '../output';
import { readSamples } from '../samples';

interface RunOptions extends DataOptions {
  output?: string;
  json?: string | true;
}

export const runCommand = (): Command =>
  withDataOptions(new Command('run').argument('<model>', 'an ONNX file, or its address'))
    .description('run a model on data, and write or show its outputs')
    .addOption(
      new Option('-o, --output <file>', 'write the outputs as safetensors: 0.out.NAME, 1.out.NAME, …'),
    )
    .addOption(jsonOption())
    .action(runModel);

async function runModel(file: string, options: RunOptions): Promise<void> {
  const model = await openModel(file, options);
  const samples = await readSamples(options.data, inputsOf(model), readOptionsOf(options));
  const outputs: Record<string, Tensor> = {};
  const rows: { sample: number; from: string; output: string; shape: readonly number[]; ms: number }[] = [];
  for (const [i, { inputs, from }] of samples.entries()) {
    const start = performance.now();
    const result = noGrad(() => outputsOf(model, inputs));
    for (const t of Object.values(result)) await t.data();
    const ms = performance.now() - start;
    for (const [name, t] of Object.entries(result)) {
      outputs[`${i}.out.${name}`] = t;
      rows.push({ sample: i, from, output: name, shape: t.shape, ms });
    }
    await breathe();
  }
  if (options.output !== undefined) await save(outputs, options.output);
  const values = options.output === undefined ? await firstValues(outputs) : {};
  const text = table(
    [
      ['sample', 'output', 'shape', 'ms', 'values'],
      ...rows.map(({ sample, output, shape, ms }) => [
        String(sample),
        output,
        `[${shape.join(', ')}]`,
        ms.toFixed(1),
        values[`${sample}.out.${output}`] ?? `in ${options.output}`,
      ]),
    ],
    [0, 3],
  );
  await show(text, { command: 'run', model: file, rows }, options.json);
}

const SHOWN = 6;

async function firstValues(outputs: Readonly<Record<string, Tensor>>): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [key, t] of Object.entries(outputs)) {
    const data = await t.data();
    const shown = Array.from(data.subarray(0, SHOWN), (v) => Number(v.toPrecision(4)));
    texts[key] = `${shown.join(', ')}${data.length > SHOWN ? ', …' : ''}`;
  }
  return texts;
}
