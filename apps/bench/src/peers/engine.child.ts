/** The process of one engine with one network. It ends with the process that started it. */
import { readFile } from 'node:fs/promises';
import { EngineRunner } from './engine-runner';
import { nodeEngines } from './engines/node';
import type { Request } from './protocol';

// A copy: small files come in a buffer that they share.
const runner = new EngineRunner(nodeEngines, async (file) => new Uint8Array(await readFile(file)));

process.on('message', async (request: Request) => {
  process.send?.(await runner.answer(request));
});
// Ctrl-C is for the command, which then ends this.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
