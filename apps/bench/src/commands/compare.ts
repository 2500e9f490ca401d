import { Command, Option } from 'commander';
import pc from 'picocolors';
import { backendNames, loadBackend } from '../backends';
import { compare } from '../compare/compare';
import { compareHtml } from '../compare/html';
import { most, usual } from '../compare/plan';
import type { Agreement, CompareReport } from '../compare/report';
import {
  agreementText,
  bytesText,
  compareMarkdown,
  latencyTable,
  remarks,
  titleOf,
  verdictText,
} from '../compare/summary';
import { AbsentError, DisagreementError } from '../errors';
import { hostInfo } from '../host';
import { type ModelName, models } from '../models';
import { jsonOption, list, modelOption, whole } from '../options';
import { withProgress } from '../progress';
import { checkFilePath, writeJson, writeText } from '../result-file';
import { formatTable } from '../terminal-table';

interface Options {
  model: ModelName;
  backends: string[];
  batch: number;
  size?: number;
  runs: number;
  threads: number;
  json?: string;
  markdown?: string;
  html?: string;
  allowAbsent: boolean;
}

export function compareCommand(): Command {
  const count = (name: keyof typeof usual, about: string) =>
    new Option(`--${name} <n>`, about).default(usual[name]).argParser(whole({ min: 1, max: most[name] }));
  return new Command('compare')
    .description(
      'float against int8 on several backends: times, layers, bytes, and whether the integers are the same',
    )
    .addOption(modelOption().default('tutorial'))
    .addOption(
      new Option('--backends <names>', `what computes: ${backendNames.join(', ')}, paths or package names`)
        .default(['wasm', 'js'], 'wasm,js')
        .argParser(list((name) => name)),
    )
    .addOption(count('batch', 'images at once'))
    .addOption(
      new Option('--size <n>', "their height and width (default: the network's usual)").argParser(
        whole({ min: 1, max: most.size }),
      ),
    )
    .addOption(count('runs', 'timed runs of each network'))
    .addOption(count('threads', 'of the backends that have them'))
    .addOption(jsonOption())
    .addOption(new Option('--markdown <file>', 'write the results as Markdown too'))
    .addOption(new Option('--html <file>', 'write the results as a page with charts, in one file, too'))
    .addOption(new Option('--allow-absent', 'end with 0 though a backend did not run').default(false))
    .action(benchCompare);
}

async function benchCompare({ json, markdown, html, allowAbsent, ...options }: Options): Promise<void> {
  for (const [flag, file] of Object.entries({ json, markdown, html })) await checkFilePath(file, `--${flag}`);
  const plan = { ...options, size: options.size ?? models[options.model].size };
  const load = (name: string, threads: number) => loadBackend(name, { threads, orOne: true });
  const { result: report } = await withProgress('Comparing', async (tell) => {
    const steps = compare(plan, { load, host: hostInfo() });
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return value;
      tell(value.done, value.total, value.note);
    }
  });

  show(report);
  if (json !== undefined) await writeJson(json, report);
  if (markdown !== undefined) await writeText(markdown, `${compareMarkdown(report)}\n`);
  if (html !== undefined) await writeText(html, compareHtml(report));
  if (report.agreement?.same === false) throw disagreement(report.agreement);
  if (report.absent.length === 0 || allowAbsent) return;
  throw new AbsentError({
    op: 'compare',
    expected: `all of ${options.backends.join(', ')} to run`,
    found: `that ${report.absent.map(({ backend }) => backend).join(', ')} did not`,
    fix: 'Leave it out of --backends, or pass --allow-absent.',
  });
}

function disagreement({ against, differ }: Agreement): DisagreementError {
  const [{ backend, layer }] = differ;
  return new DisagreementError({
    op: 'compare',
    expected: `the integers of ${against} from every backend`,
    found: `others from ${backend}, first at layer ${layer}`,
    fix: 'Run the conformance tests of @octet/backend-testkit on it.',
  });
}

function show(report: CompareReport): void {
  const { columns, rows } = latencyTable(report);
  console.log(`${titleOf(report)}\n\n${formatTable(columns, rows)}\n`);
  const verdict = verdictText(report);
  if (verdict) console.log(verdict);
  const colour = report.agreement?.same ? pc.green : pc.red;
  console.log(colour(agreementText(report)));
  for (const remark of remarks(report)) console.log(pc.yellow(remark));
  console.log(bytesText(report));
}
