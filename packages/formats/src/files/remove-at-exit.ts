const removals = new Set<() => void>();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Has `remove` called should the process end before the function that it returns is called. */
export function removeAtExit(remove: () => void): () => void {
  if (removals.size === 0) {
    process.on('exit', removeAll);
    for (const name of signals) process.on(name, endBy);
  }
  removals.add(remove);
  return () => {
    removals.delete(remove);
    if (removals.size === 0) stopWatching();
  };
}

function stopWatching(): void {
  process.off('exit', removeAll);
  for (const name of signals) process.off(name, endBy);
}

function removeAll(): void {
  for (const remove of removals) remove();
}

/** What the signal would do without a listener, unless others listen: then they decide. */
function endBy(name: NodeJS.Signals): void {
  if (process.listenerCount(name) > 1) return;
  removeAll();
  stopWatching();
  process.kill(process.pid, name);
}
