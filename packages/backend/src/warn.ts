// The libraries are typed without DOM and Node: this is all they need of the console.
declare const console: { warn(message: string): void };

const said = new Set<string>();

/** Writes a warning to the console. */
export function warn(message: string): void {
  console.warn(`octet: ${message}`);
}

/** As `warn`, but each `key` speaks once in the life of the process. */
export function warnOnce(key: string, message: string): void {
  if (said.has(key)) return;
  said.add(key);
  warn(message);
}
