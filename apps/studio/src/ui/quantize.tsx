import type { CureName } from '@octet/inspect';
import { canQuantize, makeInt8, outcome, sampleCount, settings } from '../session';

/** What each cure does and takes; one line each, in the order of their price. */
const cures: readonly { name: CureName; label: string; price: string }[] = [
  { name: 'ranges', label: 'Other ranges', price: 'seconds' },
  { name: 'gptq', label: 'Round weights one after another (GPTQ)', price: 'seconds' },
  { name: 'smoothQuant', label: 'Smooth activations into weights', price: 'seconds' },
  { name: 'equalize', label: 'Equalize channels', price: 'seconds' },
  { name: 'correctBias', label: 'Correct biases', price: 'seconds' },
  { name: 'leaveInFloat', label: 'Leave the costliest layers in float', price: 'size and speed' },
  { name: 'dynamic', label: 'Quantize inputs at every call in the costliest layers', price: 'speed' },
  { name: 'weightOnly', label: 'Int8 weights alone for the costliest layers', price: 'speed' },
  { name: 'reconstruct', label: 'Train block by block', price: 'minutes' },
  { name: 'distill', label: 'Train without labels', price: 'minutes' },
  { name: 'int4', label: '4-bit weights in layers that memory bounds', price: 'accuracy, for size' },
];

/** The buttons that make it int8. */
export function Quantize() {
  const { target, budget } = settings.value;
  const numbers = (name: 'target' | 'budget') => (event: { currentTarget: HTMLInputElement }) => {
    const value = event.currentTarget.valueAsNumber;
    if (value > 0) settings.value = { ...settings.value, [name]: value };
  };
  return (
    <section class="card" aria-labelledby="quantize-title">
      <h2 id="quantize-title">Make it int8</h2>
      {sampleCount.value === 0 && <p class="muted">It needs inputs first.</p>}
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={!canQuantize.value}
          onClick={() => void makeInt8({ target: null, cures: null })}
        >
          Make it int8
        </button>
        <span class="muted small">
          Seconds: ranges from the inputs, weights per channel; whole ranges and equalized channels where they
          gain.
        </span>
      </div>
      <div class="row">
        <button
          type="button"
          disabled={!canQuantize.value}
          onClick={() => void makeInt8({ target, cures: null })}
        >
          Do what is needed for {target} dB
        </button>
        <label class="small">
          Target, dB <input type="number" min={1} max={80} value={target} onChange={numbers('target')} />
        </label>
        <label class="small">
          Seconds for cures{' '}
          <input type="number" min={1} max={3600} value={budget} onChange={numbers('budget')} />
        </label>
      </div>
      {outcome.value && (
        <fieldset class="cures">
          <legend>One cure alone</legend>
          {cures.map(({ name, label, price }) => (
            <button
              key={name}
              type="button"
              disabled={!canQuantize.value}
              onClick={() => void makeInt8({ target: name === 'int4' ? null : 200, cures: [name] })}
            >
              {label} <span class="muted small">{price}</span>
            </button>
          ))}
        </fieldset>
      )}
    </section>
  );
}
