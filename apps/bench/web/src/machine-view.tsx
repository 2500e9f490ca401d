import { titles } from './capability';
import { machine } from './state';

/** What the browser can do, and why it can't do the rest. */
export function Machine() {
  return (
    <section class="card" aria-labelledby="machine">
      <h2 id="machine">What this browser can do</h2>
      <dl class="machine">
        {machine.value === undefined &&
          // Rows of the size that they will have, so that nothing moves.
          Object.values(titles).map((title) => (
            <div key={title}>
              <dt>{title}</dt>
              <dd class="muted">looking…</dd>
            </div>
          ))}
        {machine.value?.map(({ id, title, has, detail, software }) => (
          <div key={id}>
            <dt>{title}</dt>
            <dd>
              <strong class={has ? 'yes' : 'no'}>{has ? 'yes' : 'no'}</strong>{' '}
              <span>{software ? `${detail}: software, not a GPU` : detail}</span>
            </dd>
          </div>
        ))}
        <div>
          <dt>Cross-origin isolated</dt>
          <dd>
            <strong class={crossOriginIsolated ? 'yes' : 'no'}>{crossOriginIsolated ? 'yes' : 'no'}</strong>{' '}
            <span>
              {crossOriginIsolated
                ? 'memory can be shared between threads'
                : 'the server did not send the headers COOP and COEP, so memory can’t be shared between threads, and the clock is coarse'}
            </span>
          </dd>
        </div>
        <div>
          <dt>Processors</dt>
          <dd>{navigator.hardwareConcurrency}</dd>
        </div>
      </dl>
    </section>
  );
}
