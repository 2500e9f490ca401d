import { mount, Shell } from '@octet/web/shell';
import './bench.css';
import { Form, problemId } from './form';
import { Machine } from './machine-view';
import { Results } from './results';
import { cancel, open, outcome, phase, problems, report, spoken, step, take } from './state';

function App() {
  return (
    <Shell
      title="Octet bench"
      lead="Runs a neural network, yours or one of these, in float32 and in int8 in this browser, on the backends that you choose, and checks that all of them give the same integers. Nothing is sent anywhere."
    >
      <Form />
      <Progress />
      {problems.value.length > 0 && (
        <div class="note" role="alert">
          {problems.value.map(({ field, text }) => (
            <p key={text} id={field && problemId(field)}>
              {text}
            </p>
          ))}
        </div>
      )}
      <p role="status" class={phase.value === 'idle' && !report.value && outcome.value ? '' : 'spoken'}>
        {spoken}
      </p>
      {report.value && <Results report={report.value} />}
      <Machine />
    </Shell>
  );
}

function Progress() {
  if (phase.value === 'idle') return null;
  const { done, total, note } = step.value ?? { done: 0, total: 1, note: 'Starting' };
  return (
    <div class="progress">
      <label for="progress">{phase.value === 'cancelling' ? 'Cancelling' : note}</label>
      <progress id="progress" value={done} max={total} />
    </div>
  );
}

// Files may be dropped anywhere.
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  take([...(event.dataTransfer?.files ?? [])]);
});

addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') cancel();
});

mount(<App />);
void open();
