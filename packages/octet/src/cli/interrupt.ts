import { Interrupted } from './errors';

const controller = new AbortController();

/** Aborts, with an Interrupted, at Ctrl-C or SIGTERM. */
export const { signal } = controller;

/** From here on Ctrl-C ends the program in good order, at the next `breathe`. A second one ends it at once. */
export function watchSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => controller.abort(new Interrupted(name)));
}

/** Lets signals come through. Long loops call it. @throws Interrupted */
export async function breathe(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}
