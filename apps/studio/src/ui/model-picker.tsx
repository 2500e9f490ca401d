import { prepared } from '../prepared';
import { busy, openPrepared, take } from '../session';

/** A model from a file, or one to try. */
export function ModelPicker() {
  return (
    <section class="card" aria-labelledby="pick-title">
      <h2 id="pick-title">Model</h2>
      <label class="drop">
        <input
          type="file"
          accept=".onnx"
          disabled={busy.value !== undefined}
          onChange={(event) => void take([...(event.currentTarget.files ?? [])])}
        />
        <span>
          <b>Choose an ONNX file</b>, or drop it anywhere on this page.
        </span>
      </label>
      <div class="row">
        <span class="muted">Without one:</span>
        {prepared.map((choice) => (
          <button
            key={choice.file}
            type="button"
            disabled={busy.value !== undefined}
            title={choice.about}
            onClick={() => void openPrepared(choice)}
          >
            {choice.label}
          </button>
        ))}
      </div>
    </section>
  );
}
