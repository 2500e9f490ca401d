import { type BackendName, backendNames, choices } from '@octet/web/choices';
import { most, own } from '../../src/compare/plan';
import { type ModelName, modelNames, modelSizes } from '../../src/model-sizes';
import { engineNames, engines } from './engine-names';
import { type FieldName, numbers, numberTitles } from './link';
import { cancel, files, machine, ownBackend, phase, plan, problemOf, start, take } from './state';

export function Form() {
  const busy = phase.value !== 'idle';
  return (
    <form
      class="card"
      aria-label="What to run"
      noValidate
      aria-busy={busy}
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
                const model = currentTarget.value as ModelName | typeof own;
                const size = model === own ? plan.value.size : modelSizes[model].size;
                plan.value = { ...plan.value, model, size };
              }}
            >
              {modelNames.map((name) => (
                <option key={name} value={name}>
                  {modelSizes[name].title}
                </option>
              ))}
              <option value={own}>An ONNX file of your own</option>
            </select>
          </label>
          {numbers.filter(isOf(plan.value.model)).map((name) => (
            <label key={name}>
              {numberTitles[name]}
              <input
                type="number"
                name={name}
                min={1}
                max={most[name]}
                {...invalid(name)}
                value={Number.isNaN(plan.value[name]) ? '' : plan.value[name]}
                onInput={({ currentTarget }) => {
                  plan.value = { ...plan.value, [name]: currentTarget.valueAsNumber };
                }}
              />
            </label>
          ))}
        </div>
        {plan.value.model === own && <OwnFile />}
        <fieldset class="backends" aria-describedby={problemOf('backend') && problemId('backend')}>
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
              {...invalid('own')}
              value={ownBackend}
              onInput={({ currentTarget }) => {
                ownBackend.value = currentTarget.value.trim();
              }}
            />
          </label>
        </fieldset>
        <fieldset class="backends">
          <legend>Beside them, on one thread: other engines, which are loaded with the run</legend>
          {engineNames.map((name) => (
            <label key={name} class="backend">
              <input
                type="checkbox"
                name="engine"
                value={name}
                checked={plan.value.engines?.includes(name) ?? false}
                onChange={({ currentTarget }) => {
                  const others = (plan.value.engines ?? []).filter((other) => other !== name);
                  plan.value = { ...plan.value, engines: currentTarget.checked ? [...others, name] : others };
                }}
              />
              <span>
                {engines[name].label} <span class="muted small">{engines[name].megabytes} MB</span>
              </span>
            </label>
          ))}
        </fieldset>
      </fieldset>
      <div class="row">
        {/* Never disabled: what is disabled loses the focus. */}
        <button type="submit" name="run" class="primary" aria-disabled={busy}>
          Run
        </button>
        <button type="button" name="cancel" aria-disabled={phase.value !== 'running'} onClick={cancel}>
          Cancel
        </button>
        {busy && <span class="muted small">Escape cancels too.</span>}
      </div>
    </form>
  );
}

/** The numbers that a plan has: how many images there are at once, a file says itself. */
const isOf = (model: string) => (name: (typeof numbers)[number]) => model !== own || name !== 'batch';

/** Where an ONNX file is given, and what goes with it. */
function OwnFile() {
  const now = files.value;
  return (
    <>
      <label class="drop">
        <input
          type="file"
          name="file"
          multiple
          accept={accepted}
          {...invalid('file')}
          onChange={({ currentTarget }) => take([...(currentTarget.files ?? [])])}
        />
        <span>
          <b>Choose an ONNX file</b>, or drop it anywhere on this page; with it, or after it, inputs for it (
          .png, .jpg, .npy, .npz, .safetensors, .wav), and .tflite files of it for LiteRT.js.
        </span>
      </label>
      {now && (
        <p data-testid="own">
          {now.model.name};{' '}
          {now.samples.length > 0
            ? `inputs: ${now.samples.map(({ name }) => name).join(', ')}`
            : 'random inputs, which say nothing of how good int8 is'}
          {now.tflite.length > 0 && `; ${now.tflite.map(({ name }) => name).join(', ')}`}. It becomes int8 by
          the default recipe, here. “Height and width” are of inputs whose size the file leaves open.
        </p>
      )}
    </>
  );
}

const accepted = '.onnx,.tflite,.png,.jpg,.jpeg,.npy,.npz,.safetensors,.gz,.wav';

/** How a field says that it is wrong, and where the reason is. */
function invalid(name: FieldName) {
  return problemOf(name) ? { 'aria-invalid': true, 'aria-describedby': problemId(name) } : {};
}

/** The id of the text that says what is wrong with a field. */
export function problemId(name: FieldName): string {
  return `problem-${name}`;
}

function Backend({ name }: { name: BackendName }) {
  const lacking = machine.value?.find(({ neededBy, has }) => neededBy === name && !has);
  const software = machine.value?.find((row) => row.neededBy === name && row.software);
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
        {software && (
          <span class="details muted small">
            Software, not a GPU: {software.detail}. Its times say nothing about GPUs.
          </span>
        )}
      </span>
    </label>
  );
}
