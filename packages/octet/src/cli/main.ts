import { OctetError } from '@octet/backend';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { SampleError } from '@octet/samples';
import { getBackend, setBackend } from '@octet/tensor';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { version } from '../../package.json';
import { benchCommand } from './commands/bench';
import { compareCommand } from './commands/compare';
import { infoCommand } from './commands/info';
import { quantizeCommand } from './commands/quantize';
import { runCommand } from './commands/run';
import { Interrupted, UsageError } from './errors';
import { signal, watchSignals } from './interrupt';

/** One line a command. */
const commands = [quantizeCommand, infoCommand, runCommand, compareCommand, benchCommand];

function createProgram(): Command {
  const program = new Command('octet')
    .description('Octet: takes an ONNX model, makes it int8, and says what that costs.')
    .version(version, '--version', 'say which Octet this is')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('See octet --help.');
  for (const create of commands) {
    const command = create().copyInheritedSettings(program);
    program.addCommand(command.showHelpAfterError(`See octet ${command.name()} --help.`));
  }
  return program;
}

/** Runs the command line. @returns the exit code: 0, 1 for failures, 2 for a wrong command line, 130 after Ctrl-C */
export async function main(args: readonly string[]): Promise<number> {
  watchSignals();
  let dispose = () => {};
  try {
    const program = createProgram().hook('preAction', async () => {
      const before = getBackend();
      const backend = await createWasmBackend();
      setBackend(backend);
      dispose = () => {
        setBackend(before);
        backend.dispose();
      };
    });
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Whatever fails once it is to end, fails because of that.
    if (signal.aborted && signal.reason instanceof Interrupted) return signal.reason.exitCode;
    // Commander has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(error instanceof OctetError ? `${pc.red('error:')} ${error.message}` : error);
    return error instanceof UsageError || error instanceof SampleError ? 2 : 1;
  } finally {
    dispose();
  }
}
