import { backendNames, choices } from '@octet/web/choices';
import { backend, chosen, unavailable, useBackend } from '../reader';

/** What runs the models: a choice, what it found, and why others can't be chosen. */
export function BackendChoice() {
  const now = backend.value;
  return (
    <fieldset class="card backends">
      <legend>
        <h2>Runs on</h2>
      </legend>
      {backendNames.map((name) => {
        const reason = unavailable.value[name];
        const isChosen = name === chosen.value;
        const details = isChosen
          ? name === now?.name
            ? now.details
            : 'loading'
          : reason && `Not here: ${reason}`;
        return (
          <label key={name} class={reason === undefined ? 'choice' : 'choice muted'}>
            <input
              type="radio"
              name="backend"
              value={name}
              checked={isChosen}
              disabled={reason !== undefined}
              onChange={() => void useBackend(name)}
            />
            <span>
              {choices[name].label} {details && <span class="details muted small">{details}</span>}
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}
