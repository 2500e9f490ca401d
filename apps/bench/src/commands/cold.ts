import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { load, save } from '@octet/formats';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { manualSeed, rand } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';
import { Command, Option } from 'commander';
import { checkCheckpoint } from '../checkpoint';
import { nextMessage, startChild } from '../child';
import type { ColdPhases, ColdRequest } from '../cold/phases';
import { type Host, hostInfo } from '../host';
import { jsonOption, threadsOption, whole } from '../options';
import { withProgress } from '../progress';
import { type Provenance, provenance } from '../provenance';
import { checkFilePath, writeJson } from '../result-file';
import { formatTable, right, type TableData } from '../terminal-table';
import { median } from '../timing';

interface ColdOptions {
  checkpoint?: string;
  threads: number;
  runs: number;
  json?: string;
}

/** What the JSON file says. */
export interface ColdReport extends Partial<Provenance> {
  command: 'cold';
  threads: number;
  runs: number;
  /** The median of each. */
  ms: ColdPhases;
  /** The median of the sums of all but Node's own start. */
  totalMs: number;
  host: Host;
}

export function coldCommand(): Command {
  return new Command('cold')
    .description('time a new process up to its first digit in int8')
    .addOption(
      new Option('--checkpoint <file>', 'of the int8 digits network (default: an untrained one is made)'),
    )
    .addOption(threadsOption())
    .addOption(new Option('--runs <n>', 'processes').default(7).argParser(whole({ min: 1 })))
    .addOption(jsonOption())
    .action(benchCold);
}

async function benchCold({ checkpoint, threads, runs, json }: ColdOptions): Promise<void> {
  await checkFilePath(json);
  if (checkpoint !== undefined) {
    await checkCheckpoint(checkpoint, 'digits-int8-qat');
    // One that doesn't fit is said once and here, not by each process.
    (await untrained()).loadStateDict(await load(checkpoint));
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'octet-cold-'));
  try {
    const request = { checkpoint: checkpoint ?? (await writeCheckpoint(folder)), threads };
    const { result } = await withProgress('Starting', async (report) => {
      // One more: the first brings the files into memory.
      const found: ColdPhases[] = [];
      for (let run = 0; run <= runs; run++) {
        found.push(await startCold(request));
        report(run, runs);
      }
      return found.slice(1);
    });
    const middle = (of: (phases: ColdPhases) => number) => median(result.map(of));
    const report: ColdReport = {
      command: 'cold',
      ...provenance(),
      threads,
      runs,
      ms: {
        node: middle((ms) => ms.node),
        import: middle((ms) => ms.import),
        instantiate: middle((ms) => ms.instantiate),
        load: middle((ms) => ms.load),
        run: middle((ms) => ms.run),
      },
      totalMs: middle((ms) => ms.import + ms.instantiate + ms.load + ms.run),
      host: hostInfo(),
    };
    for (const { columns, rows } of coldTables(report)) console.log(formatTable(columns, rows));
    if (json !== undefined) await writeJson(json, report);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The network of the processes, without weights. */
async function untrained(): Promise<DigitClassifier> {
  manualSeed(0);
  const model = new DigitClassifier().eval();
  model.fuseModel();
  const prepared = prepare(model, getDefaultQConfigMapping(), { inplace: true });
  prepared.call(rand([4, 1, 28, 28]));
  return convert(prepared, { inplace: true });
}

async function writeCheckpoint(folder: string): Promise<string> {
  const file = path.join(folder, 'digits-int8.safetensors');
  await save((await untrained()).stateDict(), file);
  return file;
}

/** @throws ChildEnded, having shown why; Interrupted */
function startCold(request: ColdRequest): Promise<ColdPhases> {
  return nextMessage<ColdPhases>(startChild('cold', [JSON.stringify(request)]));
}

export function coldTables({ ms, totalMs }: ColdReport): TableData[] {
  const row = (label: string, value: number) => [label, value.toFixed(1)];
  return [
    {
      columns: [{ title: 'from a new process to the first digit' }, right('ms')],
      rows: [
        row('import', ms.import),
        row('instantiate', ms.instantiate),
        row('load the checkpoint', ms.load),
        row('run one image', ms.run),
        row('total', totalMs),
        row('before all that: Node itself', ms.node),
      ],
    },
  ];
}
