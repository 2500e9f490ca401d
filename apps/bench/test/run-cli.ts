import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const bench = path.resolve(import.meta.dirname, '..');
const runner = path.join(bench, 'node_modules/@octet/build/run.mjs');

export const fixture = (name: string) => path.join(import.meta.dirname, 'fixtures', name);

export interface Result {
  /** null: a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  onStart?: (child: ChildProcess) => void;
  /** Called with all output so far, whenever there is more. */
  onOutput?: (output: string, child: ChildProcess) => void;
}

/** Runs the command line as a user does, but without a terminal. */
export function runCli(
  args: readonly string[],
  { cwd = bench, env, onStart, onOutput }: RunOptions = {},
): Promise<Result> {
  const child = spawn(process.execPath, [runner, path.join(bench, 'src/cli.ts'), ...args], {
    cwd,
    env: { ...process.env, ...env, NO_COLOR: '1', FORCE_COLOR: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onStart?.(child);
  const result = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      result[stream] += text;
      onOutput?.(result.stdout + result.stderr, child);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, ...result }));
  });
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'octet-bench-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
