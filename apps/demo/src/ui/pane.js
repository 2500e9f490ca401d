import { useEffect, useRef } from 'preact/hooks';
import { loaded, rates, seen } from '../session';
import { SIZE } from '../size';
/** A network: what it sees, what it finds, and how fast. */
export function Pane({ kind }) {
    const canvas = useRef(null);
    const now = seen[kind].value;
    const rate = rates[kind].value;
    const bytes = loaded.value?.bytes[kind] ?? 0;
    useEffect(() => {
        const context = canvas.current?.getContext('2d');
        if (!context || !now)
            return;
        context.putImageData(now.frame, 0, 0);
        for (const { x, y, width, height } of now.boxes) {
            // Both can be told from any picture.
            for (const [color, line] of [
                ['#000', 4],
                ['#ffe14d', 2],
            ]) {
                context.strokeStyle = color;
                context.lineWidth = line;
                context.strokeRect(x, y, width, height);
            }
        }
    }, [now]);
    return (<section class="card pane" aria-labelledby={`${kind}-title`}>
      <h2 id={`${kind}-title`}>{kind === 'float' ? 'Float' : 'Int8'}</h2>
      <canvas ref={canvas} width={SIZE} height={SIZE} role="img" aria-label={`The picture with ${now?.boxes.length ?? 0} boxes round text`}/>
      <dl>
        <div class="large">
          <dt>Frames a second</dt>
          <dd data-testid={`${kind}-rate`}>{rate ? rate.framesPerSecond.toFixed(1) : '–'}</dd>
        </div>
        <div>
          <dt>A frame</dt>
          <dd>{rate ? `${rate.ms.toFixed(1)} ms` : '–'}</dd>
        </div>
        <div>
          <dt>File</dt>
          <dd data-testid={`${kind}-bytes`}>{(bytes / 1e6).toFixed(2)} MB</dd>
        </div>
        <div>
          <dt>Boxes</dt>
          <dd data-testid={`${kind}-boxes`}>{now?.boxes.length ?? 0}</dd>
        </div>
      </dl>
    </section>);
}
