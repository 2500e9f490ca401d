import { useComputed } from '@preact/signals';
import { busy, leftOut, pixelRanges, sampleCount, samplesFrom, settings, take, useRandom } from '../session';
import { parseSize, type Settings, sizeText } from '../settings';
import { inputsText } from './format';

const accepted = '.png,.jpg,.jpeg,.npy,.npz,.safetensors,.gz,.wav';

/** Inputs like those that the model will see. */
export function Inputs() {
  const found = useComputed(() => {
    const n = sampleCount.value;
    if (n === 0) return 'None yet.';
    const given = samplesFrom.value === 'random' ? `${n} random inputs.` : `${inputsText(n)}.`;
    return n < 12 ? `${given} Of a dozen or more some are kept apart, to judge by.` : given;
  });
  const set = (change: Partial<Settings>) => {
    settings.value = { ...settings.value, ...change };
  };
  return (
    <section class="card" aria-labelledby="inputs-title">
      <h2 id="inputs-title">Inputs</h2>
      <p class="muted small">
        Images, arrays or sounds like those that the model will see. They choose the ranges of the integers,
        and show what int8 costs.
      </p>
      <fieldset class="row small">
        <legend>Of images</legend>
        <label>
          Pixels are{' '}
          <select
            value={settings.value.pixels}
            onChange={(event) => set({ pixels: event.currentTarget.value as Settings['pixels'] })}
          >
            {Object.entries(pixelRanges).map(([name, { label }]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          Height and width{' '}
          <input
            class="size"
            inputMode="numeric"
            placeholder="the model's"
            aria-describedby="size-hint"
            value={sizeText(settings.value.size)}
            onChange={(event) => {
              const size = parseSize(event.currentTarget.value);
              set({ size });
              event.currentTarget.value = sizeText(size);
            }}
          />
          <span id="size-hint" class="spoken">
            Such as 320, or 48x192; empty: the model’s, or the image’s
          </span>
        </label>
        <label>
          <input
            type="checkbox"
            checked={settings.value.bgr}
            onChange={(event) => set({ bgr: event.currentTarget.checked })}
          />{' '}
          blue before red (BGR)
        </label>
      </fieldset>
      <label class="drop">
        <input
          type="file"
          multiple
          accept={accepted}
          disabled={busy.value !== undefined}
          onChange={(event) => void take([...(event.currentTarget.files ?? [])])}
        />
        <span>
          <b>Choose files</b> (.png, .jpg, .npy, .npz, .safetensors, .wav), or drop them.
        </span>
      </label>
      <div class="row">
        <button type="button" disabled={busy.value !== undefined} onClick={() => void useRandom()}>
          Use random inputs
        </button>
        <span data-testid="samples">{found}</span>
      </div>
      {samplesFrom.value === 'random' && sampleCount.value > 0 && (
        <p class="note">Random inputs say how fast and how small it becomes, and nothing of how good.</p>
      )}
      {leftOut.value.length > 0 && (
        <div class="note" role="alert">
          {leftOut.value.slice(0, 4).map((text) => (
            <p key={text}>{text}</p>
          ))}
        </div>
      )}
    </section>
  );
}
