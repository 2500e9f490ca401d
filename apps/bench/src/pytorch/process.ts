import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@octet/cli/errors';

/** Milliseconds, or why there are none. */
export type PyTorchTime = number | string;

/** A Python process with `scripts/pytorch-layers.py`. */
export interface PyTorch {
  version: string;
  names: string[];
  /** Least times of a few calls of one layer by dtype, or why there are none. */
  time(name: string): Promise<Record<string, PyTorchTime> | string>;
  end(): void;
}

/** @throws UsageError if the program isn't there or has no PyTorch */
export async function startPyTorch(python: string): Promise<PyTorch> {
  // The bundle lies in the folder beside.
  const script = fileURLToPath(new URL('../scripts/pytorch-layers.py', import.meta.url));
  const child = spawn(python, [script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said = `${said}${text}`.slice(-2000);
  });
  const failed = once(child, 'close').then(() => {
    throw noPyTorch(python, said.trim().split('\n').at(-1) ?? '');
  });
  const broken = once(child, 'error').then(([error]) => {
    throw noPyTorch(python, String(error));
  });
  for (const end of [failed, broken]) end.catch(() => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () =>
    JSON.parse((await Promise.race([lines.next(), failed, broken])).value ?? 'null') ?? failed;
  const { version, names } = await next();
  return {
    version,
    names,
    time(name) {
      child.stdin.write(`${JSON.stringify(name)}\n`);
      return next();
    },
    end: () => child.stdin.end(),
  };
}

const noPyTorch = (python: string, found: string) =>
  new UsageError({
    op: '--python',
    expected: `${python} with PyTorch`,
    found,
    fix: 'python -m venv torch && torch/bin/pip install torch torchvision, then --python torch/bin/python.',
  });
