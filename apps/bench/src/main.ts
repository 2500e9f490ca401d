import { messageOf, runProgram, withCommands } from '@octet/cli/program';
import { Command } from 'commander';
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

/** Runs the command line. @returns the exit code: 0, 1 for failures, 2 for a wrong command line, 130 after Ctrl-C */
export async function main(args: readonly string[]): Promise<number> {
  let giveBack = () => {};
  const program = withCommands(
    new Command('pnpm bench').description('Octet: trains, quantizes and measures int8 neural networks.'),
    provenance().version,
    commands,
  ).hook('preAction', async (_, command) => {
    giveBack = await leaveStandardOutput(outputs(command.opts()));
  });
  try {
    return await runProgram(program, args, { explain });
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

/** The message, if it says all: the stack of a mistake, a full disk or too little memory says nothing to who made it. */
function explain(error: unknown): string | undefined {
  if (isTooLarge(error))
    return `out of memory: ${error.message}. Take fewer or smaller images (--batch, --size, --images).`;
  return error instanceof ChildEnded || isFromSystem(error) ? error.message : messageOf(error);
}

function isFromSystem(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** What engines throw for arrays that they can't make. */
function isTooLarge(error: unknown): error is Error {
  return (
    error instanceof RangeError &&
    /array (buffer )?(length|allocation)|typed array|memory/i.test(error.message)
  );
}
