import { Shell } from '@octet/web/shell';
import { busy, cancel, model, outcome, problem, progress } from '../session';
import { Downloads } from './downloads';
import { decibels } from './format';
import { Inputs } from './inputs';
import { ModelCard } from './model-card';
import { ModelPicker } from './model-picker';
import { Quantize } from './quantize';
import { Result } from './result';

export function App() {
  return (
    <Shell
      title="Octet studio"
      lead="Drop a model: make it int8 here, see what that costs, and take it with you. Nothing leaves this machine."
      problem={problem.value}
    >
      <ModelPicker />
      {model.value && <ModelCard />}
      {model.value && <Inputs />}
      {model.value && <Quantize />}
      {outcome.value && <Result />}
      {outcome.value && <Downloads />}
      <Working />
    </Shell>
  );
}

/** What is going on, at the foot of the window. */
function Working() {
  const now = progress.value;
  return (
    <div class="working" role="status" data-busy={busy.value !== undefined}>
      {busy.value && (
        <>
          <span>
            {busy}
            {now && `: ${now.what} ${now.done} of ${now.total}`}
            {now && now.db !== null && `, ${decibels(now.db)} so far`}
          </span>
          {now && <progress max={now.total} value={now.done} aria-label="Progress of this step" />}
          {now && (
            <button type="button" onClick={cancel}>
              Cancel
            </button>
          )}
        </>
      )}
    </div>
  );
}
