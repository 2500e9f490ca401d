/** An `AbortSignal`, of which library code has no types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  throwIfAborted(): void;
}

/** Lets the event loop turn, so that clicks and messages come through. */
export function nextTurn(): Promise<void> {
  const { setTimeout } = globalThis as unknown as { setTimeout(fn: () => void, ms: number): void };
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Between two steps of long work: lets the event loop turn, so that a signal can be aborted meanwhile. Without a signal it is
 * over at once.
 * @throws the signal's reason, if it is aborted
 */
export async function breathe(signal: AbortSignalLike | undefined): Promise<void> {
  if (!signal) return;
  signal.throwIfAborted();
  await nextTurn();
  signal.throwIfAborted();
}
