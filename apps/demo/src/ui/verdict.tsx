import { agreement, loaded, loading, speedup } from '../session';

/** What int8 gains and costs, in a sentence; before, what is being done. */
export function Verdict() {
  const now = loading.value;
  if (now)
    return (
      <div class="card" role="status">
        {now.what} … <progress max={1} value={now.part} aria-label="Progress" />
      </div>
    );
  const [made, times] = [loaded.value, speedup.value];
  if (!made || times === undefined) return null;
  const { boxes, alike, extra } = agreement.value;
  return (
    <p class="verdict" data-testid="verdict">
      int8 is <b>{times.toFixed(1)} × as fast</b> and{' '}
      <b>{(made.bytes.int8 / made.bytes.float).toFixed(2)} of the size</b>
      {boxes > 0 && (
        <>
          ; it finds <b>{((100 * alike) / boxes).toFixed(0)} %</b> of float’s {boxes} boxes, and {extra}{' '}
          others
        </>
      )}
      .
    </p>
  );
}
