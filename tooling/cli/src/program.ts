import { OctetError } from '@octet/backend';
import type { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { Interrupted, UsageError } from './errors';
import { signal, watchSignals } from './interrupt';

/** Gives a program its version and its commands; what is wrong with a command line is said with the way to its help. */
export function withCommands(
  program: Command,
  version: string,
  commands: readonly (() => Command)[],
): Command {
  const name = program.name();
  program
    .version(version, '--version', 'say which Octet this is')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError(`See ${name} --help.`);
  for (const create of commands) {
    const command = create().copyInheritedSettings(program);
    program.addCommand(command.showHelpAfterError(`See ${name} ${command.name()} --help.`));
  }
  return program;
}

/** The message of an error that says all by it: those of Octet. */
export const messageOf = (error: unknown): string | undefined =>
  error instanceof OctetError ? error.message : undefined;

export interface RunOptions {
  /** The message of an error whose stack says nothing to who made it; others are printed whole. Default: `messageOf`. */
  explain?: (error: unknown) => string | undefined;
  /** Errors that are the command line's fault, beside UsageError. */
  mistakes?: readonly (new (
    ...args: never[]
  ) => Error)[];
}

/**
 * Runs a program.
 * @returns the exit code: 0, 1 for failures, 2 for a wrong command line, 130 after Ctrl-C, 143 after SIGTERM
 */
export async function runProgram(
  program: Command,
  args: readonly string[],
  { explain = messageOf, mistakes = [] }: RunOptions = {},
): Promise<number> {
  watchSignals();
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Whatever fails once it is to end, fails because of that.
    if (signal.aborted && signal.reason instanceof Interrupted) return signal.reason.exitCode;
    // Commander has said what is wrong.
    if (isCommanderError(error)) return error.exitCode === 0 ? 0 : 2;
    const message = explain(error);
    console.error(message === undefined ? error : `${pc.red('error:')} ${message}`);
    return [UsageError, ...mistakes].some((type) => error instanceof type) ? 2 : 1;
  }
}

// Not by instanceof: in a bundle this file may have a copy of commander of its own.
function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}
