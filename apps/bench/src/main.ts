import { OctetError } from '@octet/backend';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { coldCommand } from './commands/cold';
import { compareCommand } from './commands/compare';
import { digitsCommand } from './commands/digits';
import { gemmCommand } from './commands/gemm';
import { layersCommand } from './commands/layers';
import { peersCommand } from './commands/peers';
import { reportCommand } from './commands/report';
import { seedCommand } from './commands/seed';
import { tablesCommand } from './commands/tables';
import { trainCommand } from './commands/train';
import { Interrupted, UsageError } from './errors';
import { watchSignals } from './interrupt';
import { leaveStandardOutput } from './result-file';

/** One line a command. */
const commands = [
  seedCommand,
  digitsCommand,
  layersCommand,
  compareCommand,
  peersCommand,
  trainCommand,
  gemmCommand,
  coldCommand,
  reportCommand,
  tablesCommand,
];

function createProgram(): Command {
  const program = new Command('pnpm bench')
    .description('Octet: trains, quantizes and measures int8 neural networks.')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError();
  for (const create of commands) program.addCommand(create().copyInheritedSettings(program));
  return program;
}

/** Runs the command line. @returns the exit code: 0, 1 for failures, 2 for a wrong command line, 130 after Ctrl-C */
export async function main(args: readonly string[]): Promise<number> {
  watchSignals();
  let giveBack = () => {};
  try {
    const program = createProgram().hook('preAction', async (_, command) => {
      giveBack = await leaveStandardOutput(outputs(command.opts()));
    });
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    // Commander has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(error instanceof OctetError ? `${pc.red('error:')} ${error.message}` : error);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    giveBack();
  }
}

/** The files that the options name, by flag. */
function outputs(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const named = ['json', 'markdown', 'html'].flatMap((name) => {
    const file = options[name];
    return typeof file === 'string' ? [[`--${name}`, file] as const] : [];
  });
  return Object.fromEntries(named);
}
