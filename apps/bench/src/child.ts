import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { signal } from '@octet/cli/interrupt';

/** A process ended without an answer. */
export class ChildEnded extends Error {
  override readonly name = 'ChildEnded';
}

/** Starts the program of `src/…/<name>.child.ts`, whose bundle lies beside this one. What it prints to stderr is shown. */
export function startChild(name: string, args: readonly string[] = []): ChildProcess {
  return fork(fileURLToPath(new URL(`./${name}.child.js`, import.meta.url)), args, {
    // Typed arrays go through.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** The next message of a process. @throws ChildEnded; Interrupted, having ended it */
export async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const done = new AbortController();
  const options = { signal: AbortSignal.any([signal, done.signal]) };
  try {
    signal.throwIfAborted();
    const [message] = await Promise.race([
      once(child, 'message', options),
      once(child, 'exit', options).then(([code, by]) => {
        throw new ChildEnded(`its process ended with ${by ?? code}`);
      }),
    ]);
    return message as T;
  } catch (error) {
    child.kill();
    throw signal.aborted ? signal.reason : error;
  } finally {
    done.abort();
  }
}
