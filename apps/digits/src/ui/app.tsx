import { OfflineReady } from '@octet/web/offline-ready';
import { problem } from '../reader';
import { Answers } from './answers';
import { BackendChoice } from './backend-choice';
import { ModelsTable } from './models-table';
import { Pad, PadHelp } from './pad';
import { Speech } from './speech';
import { Training } from './training';

export function App() {
  return (
    <div class="page">
      <header>
        <h1>Draw a digit</h1>
        <p class="muted">A small network reads it as you draw: once in float, once in 8-bit integers.</p>
      </header>
      {problem.value && (
        <p class="note" role="alert">
          {problem}
        </p>
      )}
      <main>
        <Pad />
        <Answers />
        <PadHelp />
        <ModelsTable />
        <BackendChoice />
        <Training />
      </main>
      <Speech />
      <footer class="muted small">
        <OfflineReady what="reading works offline, training once its digits were loaded" />
        Made with Octet, int8 neural networks in TypeScript.
      </footer>
    </div>
  );
}
