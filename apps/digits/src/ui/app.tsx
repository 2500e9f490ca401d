import { Shell } from '@octet/web/shell';
import { problem } from '../reader';
import { Answers } from './answers';
import { BackendChoice } from './backend-choice';
import { ModelsTable } from './models-table';
import { Pad, PadHelp } from './pad';
import { Speech } from './speech';
import { Training } from './training';

export function App() {
  return (
    <Shell
      title="Draw a digit"
      lead="A small network reads it as you draw: once in float, once in 8-bit integers."
      problem={problem.value}
      offline="reading works offline, training once its digits were loaded"
    >
      <Pad />
      <Answers />
      <PadHelp />
      <ModelsTable />
      <BackendChoice />
      <Training />
      <Speech />
    </Shell>
  );
}
