import { Shell } from '@octet/web/shell';
import {
  kinds,
  loaded,
  loading,
  pause,
  problem,
  resume,
  running,
  useCamera,
  useDrawn,
  usePhoto,
} from '../session';
import { Pane } from './pane';
import { Verdict } from './verdict';

export function App() {
  return (
    <Shell
      title="Where is text?"
      lead="A trained detector of text, PP-OCRv4, twice on one page: in float, and in int8 as this page makes it. What is said here is measured here, and no picture leaves this machine."
      problem={problem.value}
      credit="The network is PaddleOCR’s (Apache-2.0)."
    >
      <Verdict />
      <Sources />
      {loaded.value && (
        <div class="panes">
          {kinds.map((kind) => (
            <Pane key={kind} kind={kind} />
          ))}
        </div>
      )}
      <How />
    </Shell>
  );
}

function Sources() {
  const isLoading = loading.value !== undefined;
  return (
    <div class="row">
      <button
        type="button"
        class={loaded.value ? '' : 'primary'}
        disabled={isLoading}
        onClick={() => void useDrawn()}
      >
        {loaded.value ? 'Drawn signs' : 'Start with drawn signs (4.7 MB)'}
      </button>
      <button type="button" disabled={isLoading} onClick={() => void useCamera()}>
        Camera
      </button>
      <label class="button">
        Photo
        <input
          class="spoken"
          type="file"
          accept="image/*"
          disabled={isLoading}
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            if (file) void usePhoto(file);
          }}
        />
      </label>
      {loaded.value && (
        <button type="button" onClick={running.value ? pause : resume}>
          {running.value ? 'Pause' : 'Go on'}
        </button>
      )}
    </div>
  );
}

function How() {
  const now = loaded.value;
  return (
    <section class="card small" aria-labelledby="how-title">
      <h2 id="how-title">How it is measured</h2>
      <p>
        The two take turns: a frame in float, then int8 on the same frame and on as many more as fit in the
        same time. Frames a second are what each would reach with all of the time, with reading pixels,
        finding boxes and the way to the worker and back; the mean of the last 24 frames. A box is the same
        where the two share half of what they cover together.
      </p>
      {now && (
        <p>
          Making it int8 took {now.seconds.toFixed(1)} s here: <code>prepareFx</code>, {now.pictures} drawn
          pictures, <code>convertFx</code>. Sizes are those of the ONNX files. Both run on WebAssembly (
          {now.backend}).
        </p>
      )}
    </section>
  );
}
