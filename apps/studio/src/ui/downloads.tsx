import { useSignal } from '@preact/signals';
import { busy, command, downloadModel, downloadReport, downloadWeights, int8Name, program } from '../session';

/** What to take away. */
export function Downloads() {
  return (
    <section class="card" aria-labelledby="take-title">
      <h2 id="take-title">Take it with you</h2>
      <div class="row">
        <button
          type="button"
          class="primary"
          disabled={busy.value !== undefined}
          onClick={() => void downloadModel()}
        >
          Download {int8Name}
        </button>
        <button type="button" disabled={busy.value !== undefined} onClick={() => void downloadWeights()}>
          Download its weights as safetensors
        </button>
        <button type="button" disabled={busy.value !== undefined} onClick={() => void downloadReport()}>
          Download the report
        </button>
        <Copy label="Copy a link with these settings" text={() => location.href} />
      </div>
      <h3>The same on the command line</h3>
      <pre>{command}</pre>
      <Copy label="Copy the command" text={() => command.value} />
      <h3>The same in a program</h3>
      <pre>{program}</pre>
      <Copy label="Copy the program" text={() => program.value} />
    </section>
  );
}

function Copy({ label, text }: { label: string; text: () => string }) {
  const done = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    done.value = true;
    setTimeout(() => {
      done.value = false;
    }, 2000);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {done.value ? 'Copied' : label}
    </button>
  );
}
