import { floatSum, type Histogram, LARGEST } from './histogram-grid';

const f32 = Math.fround;

/** The steps that a range is quantized to. */
const steps = 256;

/**
 * The range with the smallest squared error that PyTorch's `_non_linear_param_search` finds: it moves in from both ends,
 * always cutting the longer run of nearly empty bins, while the error falls.
 */
export function bestRange(histogram: Histogram): [min: number, max: number] {
  const { counts, min, max } = histogram;
  // A range cut to what float32 can span leaves no float32 to search with.
  if (min === max || Math.max(-min, max) === LARGEST / 2) return [min, max];
  const bins = counts.length;
  const width = f32(f32(max - min) / bins);
  const cumulative = new Float32Array(bins);
  let sum = 0;
  for (let i = 0; i < bins; i++) {
    sum += counts[i];
    cumulative[i] = sum;
  }
  const total = floatSum(counts);
  const step = 1e-5;
  let alpha = 0;
  let beta = 1;
  let start = 0;
  let end = bins - 1;
  let best = Number.POSITIVE_INFINITY;
  while (alpha < beta) {
    const nextAlpha = alpha + step;
    const nextBeta = beta - step;
    let l = start;
    let r = end;
    while (l < end && cumulative[l] < f32(nextAlpha * total)) l++;
    while (r > start && cumulative[r] > f32(nextBeta * total)) r--;
    let nextStart = start;
    let nextEnd = end;
    if (l - start > end - r) {
      nextStart = l;
      alpha = nextAlpha;
    } else {
      nextEnd = r;
      beta = nextBeta;
    }
    if (nextStart === start && nextEnd === end) continue;
    const error = quantizationError(histogram, nextStart, nextEnd);
    if (error > best) break;
    best = error;
    start = nextStart;
    end = nextEnd;
  }
  return [f32(min + f32(width * start)), f32(min + f32(width * (end + 1)))];
}

/** Below it no cube of a distance overflows float32: empty bins add 0, and not NaN. */
const cubesAreFinite = 1e12;

/** The squared error when bins start..end get the 256 steps and the rest saturates; each bin's density is constant. */
function quantizationError({ counts, min, max }: Histogram, start: number, end: number): number {
  const bins = counts.length;
  const exactWidth = (max - min) / bins;
  const exactStep = (exactWidth * (end - start + 1)) / steps;
  if (exactStep === 0) return 0;
  const width = f32(exactWidth);
  const stepWidth = f32(exactStep);
  const half = f32(exactStep / 2);
  const upper = cube(half);
  const whole = f32(f32(upper + upper) / 3);
  const skipEmpty = max - min < cubesAreFinite;
  const errors = new Float32Array(bins);
  for (let bin = 0; bin < bins; bin++) {
    if (skipEmpty && counts[bin] === 0) continue;
    const from = f32((bin - start) * width);
    const to = f32(from + width);
    const first = stepOf(from, stepWidth);
    const last = stepOf(to, stepWidth);
    const density = f32(counts[bin] / width);
    const atFirst = f32(from - f32(f32(first + 0.5) * stepWidth));
    const atLast = f32(to - f32(f32(last * stepWidth) + half));
    let error = f32(density * f32(f32(upper - cube(atFirst)) / 3));
    error = f32(error + f32((last - first - 1) * f32(density * whole)));
    errors[bin] = error + f32(density * f32(f32(cube(atLast) + upper) / 3));
  }
  return floatSum(errors);
}

function cube(v: number): number {
  return f32(f32(v * v) * v);
}

/** Which of the steps a value falls into. */
function stepOf(v: number, width: number): number {
  return Math.min(Math.max(Math.floor(v / width), 0), steps - 1);
}
