import { signal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Point } from '../pad/strokes';
import { blank, type Drawing, drawing, examples, image } from '../reader';
import type { Sample } from '../samples';
import { say } from './speech';

/** Of the canvas, in pixels: enough for screens with two to a point. */
const size = 640;
const penWidth = size / 14;
/** How far an arrow key moves the pen. */
const step = 1 / 16;
/** Points nearer to the last one than this are left out. */
const nearest = 0.008;

/** Where the keyboard's pen is; shown while keys are in use. */
const pen = signal<(Point & { down: boolean }) | undefined>(undefined);
const penStart = { x: 0.5, y: 0.25, down: false };

const scheme = matchMedia('(prefers-color-scheme: dark)');
const dark = signal(scheme.matches);
scheme.addEventListener('change', () => {
  dark.value = scheme.matches;
});

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-step, 0],
  ArrowRight: [step, 0],
  ArrowUp: [0, -step],
  ArrowDown: [0, step],
};

function strokesOf(now: Drawing) {
  return 'strokes' in now ? now.strokes : [];
}

function putDown(point: Point): void {
  drawing.value = { strokes: [...strokesOf(drawing.value), [point]] };
}

function moveTo(point: Point): void {
  const strokes = strokesOf(drawing.value);
  const stroke = strokes.at(-1);
  const last = stroke?.at(-1);
  if (!stroke || !last || Math.hypot(point.x - last.x, point.y - last.y) < nearest) return;
  drawing.value = { strokes: [...strokes.slice(0, -1), [...stroke, point]] };
}

export function clear(): void {
  drawing.value = blank;
  pen.value &&= penStart;
  say('Cleared');
}

function togglePen(now: typeof penStart): void {
  pen.value = { ...now, down: !now.down };
  if (pen.value.down) putDown(now);
  say(pen.value.down ? 'Pen down' : 'Pen up');
}

function pressKey(event: KeyboardEvent): void {
  const now = pen.value ?? penStart;
  const arrow = arrows[event.key];
  if (arrow) {
    const within = (value: number) => Math.min(1 - step, Math.max(step, value));
    pen.value = { ...now, x: within(now.x + arrow[0]), y: within(now.y + arrow[1]) };
    if (now.down) moveTo(pen.value);
  } else if (event.key === ' ' || event.key === 'Enter') {
    if (!event.repeat) togglePen(now);
  } else if (event.key === 'Escape') clear();
  else return;
  event.preventDefault();
}

/** A place in the page as one on the pad. */
function placeOf({ clientX, clientY }: PointerEvent, canvas: Element): Point {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return { x: (clientX - left) / width, y: (clientY - top) / height };
}

function startStroke(event: PointerEvent & { currentTarget: HTMLCanvasElement }): void {
  if (!event.isPrimary || event.button !== 0) return;
  pen.value = undefined;
  event.currentTarget.setPointerCapture(event.pointerId);
  putDown(placeOf(event, event.currentTarget));
}

function goOn(event: PointerEvent & { currentTarget: HTMLCanvasElement }): void {
  const canvas = event.currentTarget;
  if (!event.isPrimary || !canvas.hasPointerCapture(event.pointerId)) return;
  // All places since the last event; Safari before 18.2 has them not.
  for (const e of event.getCoalescedEvents?.() ?? [event]) moveTo(placeOf(e, canvas));
}

/** Where one draws. */
export function Pad() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useSignalEffect(() => {
    const [now, at] = [drawing.value, pen.value];
    // Read for the colours of the ink.
    dark.value;
    const context = canvas.current?.getContext('2d');
    if (context) draw(context, now, at);
  });

  return (
    <div class="pad">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: screen readers pass the arrow keys on to it */}
      <canvas
        ref={canvas}
        width={size}
        height={size}
        tabIndex={0}
        role="application"
        aria-label="Drawing pad"
        aria-describedby="pad-keys"
        onPointerDown={startStroke}
        onPointerMove={goOn}
        onKeyDown={pressKey}
        onFocus={(event) => {
          if (event.currentTarget.matches(':focus-visible')) pen.value = penStart;
        }}
        onBlur={() => {
          pen.value = undefined;
        }}
      />
      {drawing.value === blank && (
        <p class="hint muted" aria-hidden="true">
          Draw here
        </p>
      )}
      <div class="row">
        <button type="button" onClick={clear}>
          Clear
        </button>
        <Seen />
      </div>
    </div>
  );
}

/** How to draw, and what else there is to read. */
export function PadHelp() {
  return (
    <div class="pad-help">
      <p id="pad-keys" class="muted small">
        Mouse, pen, finger; or keys: arrows move, <kbd>Space</kbd> puts the pen down and lifts it,{' '}
        <kbd>Esc</kbd> clears.
      </p>
      <fieldset class="examples">
        <legend class="muted small">Or take one of MNIST:</legend>
        {examples.value.map((sample) => (
          <button
            key={sample.label}
            type="button"
            aria-label={`Example: a ${sample.label}`}
            onClick={() => {
              drawing.value = { example: sample };
            }}
          >
            <Pixels pixels={sample.pixels} />
          </button>
        ))}
      </fieldset>
    </div>
  );
}

/** The image that the models get. */
function Seen() {
  return (
    <div class="seen" aria-hidden="true">
      <span class="muted small">what the models see</span>
      <Pixels pixels={image.value} />
    </div>
  );
}

function Pixels({ pixels }: { pixels: Sample['pixels'] | undefined }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    context?.putImageData(imageData(pixels ?? new Uint8Array(28 * 28)), 0, 0);
  }, [pixels]);
  return <canvas ref={canvas} class="pixels" width={28} height={28} />;
}

/** White ink on black, as in the data set. */
function imageData(pixels: Uint8Array): ImageData {
  const data = new ImageData(28, 28);
  pixels.forEach((ink, i) => {
    data.data.set([ink, ink, ink, 255], 4 * i);
  });
  return data;
}

function draw(context: CanvasRenderingContext2D, now: Drawing, at: typeof pen.value): void {
  const style = getComputedStyle(context.canvas);
  context.clearRect(0, 0, size, size);
  if ('example' in now) {
    drawExample(context, now.example, style.color);
  } else {
    context.strokeStyle = style.color;
    context.lineWidth = penWidth;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    for (const stroke of now.strokes) {
      context.beginPath();
      // A stroke of one point is a dot: a line to where it starts.
      for (const { x, y } of [stroke[0], ...stroke]) context.lineTo(x * size, y * size);
      context.stroke();
    }
  }
  if (!at) return;
  context.strokeStyle = style.getPropertyValue('--accent');
  context.fillStyle = context.strokeStyle;
  context.lineWidth = size / 100;
  context.beginPath();
  context.arc(at.x * size, at.y * size, penWidth / 2, 0, 2 * Math.PI);
  if (at.down) context.fill();
  else context.stroke();
}

function drawExample(context: CanvasRenderingContext2D, { pixels }: Sample, color: string): void {
  const side = size / 28;
  context.fillStyle = color;
  pixels.forEach((ink, i) => {
    context.globalAlpha = ink / 255;
    context.fillRect((i % 28) * side, Math.floor(i / 28) * side, side + 0.5, side + 0.5);
  });
  context.globalAlpha = 1;
}
