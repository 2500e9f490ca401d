import { OctetError } from '@octet/backend';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { ChildEnded } from './child';
import { coldCommand } from './commands/cold';
import { compareCommand } from './commands/compare';
import { digitsCommand } from './commands/digits';
import { gemmCommand } from './commands/gemm';
import { layersCommand } from './commands/layers';
import { onnxCommand } from './commands/onnx';
import { peersCommand } from './commands/peers';
import { pytorchCommand } from './commands/pytorch';
import { recurrentCommand } from './commands/recurrent';
import { reportCommand } from './commands/report';
import { tablesCommand } from './commands/tables';
import { trainCommand } from './commands/train';
import { tutorialCommand } from './commands/tutorial';
import { Interrupted, UsageError } from './errors';
import { signal, watchSignals } from './interrupt';
import { provenance } from './provenance';
import { leaveStandardOutput } from './result-file';

/** One line a command. */
const commands = [
  tutorialCommand,
  digitsCommand,
  layersCommand,
  compareCommand,
  onnxCommand,
  peersCommand,
  trainCommand,
  gemmCommand,
  pytorchCommand,
  recurrentCommand,
  coldCommand,
  reportCommand,
  tablesCommand,
];

function createProgram(): Command {
  const program = new Command('pnpm bench')
    .description('Octet: trains, quantizes and measures int8 neural networks.')
    .version(provenance().version, '--version', 'say which Octet this is')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('See pnpm bench --help.');
  for (const create of commands) {
    const command = create().copyInheritedSettings(program);
    program.addCommand(command.showHelpAfterError(`See pnpm bench ${command.name()} --help.`));
  }
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
    // Whatever fails once it is to end, fails because of that.
    if (signal.aborted && signal.reason instanceof Interrupted) return signal.reason.exitCode;
    // Commander has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(isExplained(error) ? `${pc.red('error:')} ${messageOf(error)}` : error);
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

/** Whether a message says all: the stack of a mistake, a full disk or too little memory says nothing to who made it. */
function isExplained(error: unknown): error is Error {
  return (
    error instanceof OctetError || error instanceof ChildEnded || isFromSystem(error) || isTooLarge(error)
  );
}

function isFromSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** What engines throw for arrays that they can't make. */
function isTooLarge(error: unknown): boolean {
  return (
    error instanceof RangeError &&
    /array (buffer )?(length|allocation)|typed array|memory/i.test(error.message)
  );
}

function messageOf(error: Error): string {
  return isTooLarge(error)
    ? `out of memory: ${error.message}. Take fewer or smaller images (--batch, --size, --images).`
    : error.message;
}
