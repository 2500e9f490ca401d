import { stat } from 'node:fs/promises';
import { type LayerSummary, layerSummaries } from '@octet/nn';
import { shapeText } from '@octet/samples';
import { Command, Option } from 'commander';
import { inputsOf, type Model, openModel } from '../model';
import { jsonOption, type ModelOptions, shapeOption, sizeOption, withModelOptions } from '../options';
import { bytes, show, table } from '../output';
import { readSamples } from '../samples';

interface InfoOptions extends ModelOptions {
  size?: [number, number];
  shape: Record<string, number[]>;
  graph: boolean;
  json?: string | true;
}

export const infoCommand = (): Command =>
  withModelOptions(new Command('info').argument('<model>', 'an ONNX file, or its address'))
    .description('what is in a model: inputs, outputs, layers with parameters and multiplications')
    .addOption(sizeOption())
    .addOption(shapeOption())
    .addOption(new Option('--graph', 'every node of the graph, too').default(false))
    .addOption(jsonOption())
    .action(info);

async function info(file: string, options: InfoOptions): Promise<void> {
  const model = await openModel(file, options);
  const fileBytes = (await stat(file).catch(() => undefined))?.size ?? null;
  const inputs = inputsOf(model);
  const layers = await layersOf(model, options);
  const parameters = model.parameters().reduce((sum, p) => sum + p.numel, 0);
  const value = {
    command: 'info',
    model: file,
    fileBytes,
    inputs: inputs.map(({ name, dtype, shape }) => ({ name, dtype: dtype ?? null, shape: shape ?? null })),
    outputs: model.outputNames,
    parameters,
    nodes: nodeCounts(model),
    ...(typeof layers === 'string'
      ? { layers: null, reason: layers, macs: null }
      : { layers, macs: layers.reduce((sum, { macs }) => sum + macs, 0) }),
  };
  const head = table([
    ['file', `${file}${fileBytes === null ? '' : `, ${bytes(fileBytes)}`}`],
    ...inputs.map((input) => ['input', `${input.name}: ${input.dtype ?? 'any dtype'} ${shapeText(input)}`]),
    ...model.outputNames.map((name) => ['output', name]),
    ['parameters', parameters.toLocaleString('en-US')],
    ['multiplications', value.macs === null ? '?' : value.macs.toLocaleString('en-US')],
    ['nodes', value.nodes.map(({ op, count }) => `${op} ${count}`).join(', ')],
  ]);
  const parts = [head, typeof layers === 'string' ? layers : layerTable(layers)];
  if (options.graph) parts.push(String(model));
  await show(parts.join('\n\n'), value, options.json);
}

/** The layers of one run on random inputs, or why there is none. */
async function layersOf(model: Model, { size, shape, dim }: InfoOptions): Promise<LayerSummary[] | string> {
  try {
    const options = { limit: 1, dims: dim, shapes: shape, ...(size && { size }) };
    const [{ inputs }] = await readSamples('random', inputsOf(model), options);
    return layerSummaries(model, inputs).filter(({ path }) => path !== '');
  } catch (error) {
    return `Layers and multiplications depend on sizes that are not known: ${(error as Error).message}`;
  }
}

function layerTable(layers: readonly LayerSummary[]): string {
  return table(
    [
      ['layer', 'type', 'output', 'parameters', 'multiplications'],
      ...layers.map(({ path, type, shape, parameters, macs }) => [
        path,
        type,
        `[${shape.join(', ')}]`,
        parameters === 0 ? '' : parameters.toLocaleString('en-US'),
        macs === 0 ? '' : macs.toLocaleString('en-US'),
      ]),
    ],
    [3, 4],
  );
}

/** How many nodes there are of each kind, the most first. */
function nodeCounts(model: Model): { op: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { op } of model.graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].map(([op, count]) => ({ op, count })).sort((a, b) => b.count - a.count);
}
