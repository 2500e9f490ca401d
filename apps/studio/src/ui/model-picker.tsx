import { prepared } from '../prepared';
import { busy, openPrepared, take } from '../session';
import { RunsOn } from './runs-on';

/** A model from a file, or one to try. */
export function ModelPicker() {
  return (
    <section class="card" aria-labelledby="pick-title">
      <h2 id="pick-title">Model</h2>
      <label class="drop">
        <input
          type="file"
          accept=".onnx,.pt,.pth,.safetensors"
          disabled={busy.value !== undefined}
          onChange={(event) => void take([...(event.currentTarget.files ?? [])], { picked: true })}
        />
        <span>
          <b>Choose an ONNX file</b>, or drop it anywhere on this page. Weights of torchvision (.pt,
          .safetensors) open, too: of MobileNet, EfficientNet B0, ResNet, ShuffleNet and SqueezeNet.
        </span>
      </label>
      <h3>Or try one of these</h3>
      <ul class="choices">
        {prepared.map((choice) => (
          <li key={choice.name}>
            <button
              type="button"
              disabled={busy.value !== undefined}
              aria-describedby={`about-${choice.name}`}
              onClick={() => void openPrepared(choice)}
            >
              {choice.label}
            </button>
            <span id={`about-${choice.name}`} class="muted small">
              {choice.about}
            </span>
          </li>
        ))}
      </ul>
      <RunsOn />
    </section>
  );
}
