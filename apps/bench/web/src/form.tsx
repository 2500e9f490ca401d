import { type BackendName, backendNames, choices } from '@octet/web/choices';
import { most } from '../../src/compare/plan';
import { type ModelName, modelNames, modelSizes } from '../../src/model-sizes';
import { numbers } from './link';
import { cancel, machine, ownBackend, phase, plan, start } from './state';

const modelTitles: Readonly<Record<ModelName, string>> = {
  seed: 'Seed network',
  mobilenetv2: 'MobileNetV2',
  digits: 'Digit classifier',
};

const numberTitles = {
  batch: 'Images at once',
  size: 'Height and width',
  runs: 'Timed runs',
  threads: 'Threads',
} as const;

export function Form() {
  const busy = phase.value !== 'idle';
  return (
    <form
      class="card"
      aria-label="What to run"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <fieldset disabled={busy}>
        <div class="fields">
          <label>
            Network
            <select
              name="model"
              value={plan.value.model}
              onChange={({ currentTarget }) => {
                const model = currentTarget.value as ModelName;
                plan.value = { ...plan.value, model, size: modelSizes[model].size };
              }}
            >
              {modelNames.map((name) => (
                <option key={name} value={name}>
                  {modelTitles[name]}
                </option>
              ))}
            </select>
          </label>
          {numbers.map((name) => (
            <label key={name}>
              {numberTitles[name]}
              <input
                type="number"
                name={name}
                min={1}
                max={most[name]}
                value={Number.isNaN(plan.value[name]) ? '' : plan.value[name]}
                onInput={({ currentTarget }) => {
                  plan.value = { ...plan.value, [name]: currentTarget.valueAsNumber };
                }}
              />
            </label>
          ))}
        </div>
        <fieldset class="backends">
          <legend>Backends</legend>
          {backendNames.map((name) => (
            <Backend key={name} name={name} />
          ))}
          <label class="own">
            A backend of your own: the address of a module on this site
            <input
              type="text"
              name="own"
              inputMode="url"
              placeholder="./my-backend.js"
              autocomplete="off"
              spellcheck={false}
              value={ownBackend}
              onInput={({ currentTarget }) => {
                ownBackend.value = currentTarget.value.trim();
              }}
            />
          </label>
        </fieldset>
      </fieldset>
      <div class="buttons">
        <button type="submit" class="primary" disabled={busy}>
          Run
        </button>
        <button type="button" disabled={phase.value !== 'running'} onClick={cancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function Backend({ name }: { name: BackendName }) {
  const lacking = machine.value?.find(({ neededBy, has }) => neededBy === name && !has);
  // What a link asked for can be taken back.
  const checked = plan.value.backends.includes(name);
  return (
    <label class={lacking ? 'backend muted' : 'backend'}>
      <input
        type="checkbox"
        name="backend"
        value={name}
        checked={checked}
        disabled={lacking !== undefined && !checked}
        onChange={({ currentTarget }) => {
          const others = plan.value.backends.filter((other) => other !== name);
          plan.value = { ...plan.value, backends: currentTarget.checked ? [...others, name] : others };
        }}
      />
      <span>
        {choices[name].label} <code>{name}</code>
        {lacking && <span class="details muted small">Not here: {lacking.detail}</span>}
      </span>
    </label>
  );
}
