import { Interrupted } from './errors';

const controller = new AbortController();

/** Aborts, with an Interrupted, at Ctrl-C or SIGTERM. */
export const { signal } = controller;

/** From here on Ctrl-C ends the program in good order, at the next `breathe`. A second one ends it at once. */
export function watchSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new Interrupted(name)));
  }
}

/**
 * Lets the event loop turn once, so that signals and messages come through. Long loops call it.
 * @throws Interrupted, or what another signal was aborted with
 */
export async function breathe(by: AbortSignal = signal): Promise<void> {
  await new Promise<void>(typeof setImmediate === 'function' ? setImmediate : sendMessage);
  by.throwIfAborted();
}

/** Browsers hold timers back, but not messages. */
function sendMessage(arrived: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => arrived(), { once: true });
  port1.start();
  port2.postMessage(null);
}
