import { createWasmBackend } from '@octet/backend-wasm-simd';
import { runProgram, withCommands } from '@octet/cli/program';
import { SampleError } from '@octet/samples';
import { getBackend, setBackend } from '@octet/tensor';
import { Command } from 'commander';
import { version } from '../../package.json';
import { benchCommand } from './commands/bench';
import { compareCommand } from './commands/compare';
import { infoCommand } from './commands/info';
import { quantizeCommand } from './commands/quantize';
import { runCommand } from './commands/run';

/** One line a command. */
const commands = [quantizeCommand, infoCommand, runCommand, compareCommand, benchCommand];

/** Runs the command line. @returns the exit code: 0, 1 for failures, 2 for a wrong command line, 130 after Ctrl-C */
export async function main(args: readonly string[]): Promise<number> {
  let dispose = () => {};
  const program = withCommands(
    new Command('octet').description('Octet: takes an ONNX model, makes it int8, and says what that costs.'),
    version,
    commands,
  ).hook('preAction', async () => {
    const before = getBackend();
    const backend = await createWasmBackend();
    setBackend(backend);
    dispose = () => {
      setBackend(before);
      backend.dispose();
    };
  });
  try {
    return await runProgram(program, args, { mistakes: [SampleError] });
  } finally {
    dispose();
  }
}
