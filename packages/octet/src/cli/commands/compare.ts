import { UsageError } from '@octet/cli/errors';
import { breathe } from '@octet/cli/interrupt';
import { noGrad } from '@octet/tensor';
import { Command } from 'commander';
import { Differences } from '../difference';
import { inputsOf, type Model, openModel, outputsOf } from '../model';
import { type DataOptions, jsonOption, readOptionsOf, withDataOptions } from '../options';
import { decibels, show, table } from '../output';
import { readSamples } from '../samples';

interface CompareOptions extends DataOptions {
  json?: string | true;
}

export const compareCommand = (): Command =>
  withDataOptions(
    new Command('compare')
      .argument('<a>', 'an ONNX file: what is right')
      .argument('<b>', 'another, with the same inputs and outputs'),
  )
    .description(
      'run two models on the same data: signal to noise, cosine and largest difference of each output',
    )
    .addOption(jsonOption())
    .action(compareModels);

async function compareModels(a: string, b: string, options: CompareOptions): Promise<void> {
  const first = await openModel(a, options);
  const second = await openModel(b, options);
  checkAlike(first, second);
  const samples = await readSamples(options.data, inputsOf(first), readOptionsOf(options));
  const sums = new Map(first.outputNames.map((name) => [name, new Differences()]));
  for (const { inputs } of samples) {
    const expected = noGrad(() => outputsOf(first, inputs));
    const actual = noGrad(() => outputsOf(second, inputs));
    for (const [name, sum] of sums) sum.add(await expected[name].data(), await actual[name].data());
    await breathe();
  }
  const rows = [...sums].map(([output, sum]) => ({ output, ...sum.difference }));
  const text = table(
    [
      ['output', 'signal to noise', 'cosine', 'largest difference'],
      ...rows.map((row) => [
        row.output,
        decibels(row.sqnrDb),
        row.cosine.toFixed(6),
        row.maxAbs.toPrecision(4),
      ]),
    ],
    [1, 2, 3],
  );
  const value = { command: 'compare', a, b, samples: samples.length, rows };
  await show(`${text}\n${samples.length} samples`, value, options.json);
}

/** @throws UsageError for models that take or give something else */
function checkAlike(a: Model, b: Model): void {
  for (const side of ['inputNames', 'outputNames'] as const) {
    const missing = a[side].filter((name) => !b[side].includes(name));
    if (missing.length === 0 && a[side].length === b[side].length) continue;
    throw new UsageError({
      op: 'octet compare',
      expected: `two models with the same ${side === 'inputNames' ? 'inputs' : 'outputs'}: ${a[side].join(', ')}`,
      found: b[side].join(', '),
      fix: 'Compare a model with another form of it.',
    });
  }
}
