/** The page in which `bench peers --platform browser` runs the engines. The command asks it, through `window.peers`. */
import type { PeersPage } from '../../src/peers/chromium';
import type { ReadFile } from '../../src/peers/engine';
import { EngineRunner } from '../../src/peers/engine-runner';
import { pageEngines } from '../../src/peers/engines/page';

const read: ReadFile = async (file) => {
  const response = await fetch(`/files/${encodeURIComponent(file)}`);
  if (!response.ok) throw new Error(`there is no file ${file}`);
  return new Uint8Array(await response.arrayBuffer());
};

const runners = new Map<number, EngineRunner>();

const peers: PeersPage = {
  answer(seat, request) {
    const runner = runners.get(seat) ?? new EngineRunner(pageEngines, read);
    runners.set(seat, runner);
    return runner.answer(request);
  },
  leave(seat) {
    runners.delete(seat);
  },
};
window.peers = peers;
