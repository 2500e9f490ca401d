// A setup file of vitest: `globalThis.gc`, as `node --expose-gc` has it. Workers take no such flag.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
globalThis.gc ??= runInNewContext('gc');
