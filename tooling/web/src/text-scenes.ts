/** What scenes are drawn on: of a page, or of a worker. */
export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const words = [
  ...['coffee', 'open', 'exit', 'bakery', 'library', 'platform 9', 'no smoking', 'sale', 'museum', 'tickets'],
  ...['pharmacy', 'hotel', 'music', 'school', 'harbour', 'garden', 'parking', 'theatre', 'fresh bread'],
  ...['24 hours', 'please ring', 'menu', 'books', 'welcome', 'private', 'station', 'café', 'post office'],
] as const;
const fonts = ['sans-serif', 'serif', 'monospace'] as const;

/**
 * Draws signs with text before a wall, as a street may show them: turned a little, in several sizes and colours, and with noise.
 *
 * @param index the same number gives the same scene, as far as fonts are the same
 */
export function drawTextScene(context: Context, index: number, width: number, height: number): void {
  const random = randomOf(index);
  const between = (low: number, high: number) => low + (high - low) * random();
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)];
  const hue = between(0, 360);
  const sky = context.createLinearGradient(0, 0, between(0, width), height);
  sky.addColorStop(0, `hsl(${hue} 25% ${between(25, 85)}%)`);
  sky.addColorStop(1, `hsl(${hue + between(20, 90)} 30% ${between(25, 75)}%)`);
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  // What is no text: windows, lamps, wires.
  for (let i = 0; i < 14; i++) {
    context.fillStyle = `hsl(${between(0, 360)} 30% ${between(15, 85)}% / 0.5)`;
    const [x, y, size] = [between(-0.1, 1) * width, between(-0.1, 1) * height, between(0.03, 0.2) * width];
    if (i % 3 === 0) {
      context.beginPath();
      context.arc(x, y, size / 2, 0, 2 * Math.PI);
      context.fill();
    } else context.fillRect(x, y, size, size * between(0.1, 1.6));
  }
  const rows = 4;
  for (let row = 0; row < rows; row++) {
    const columns = random() < 0.5 ? 1 : 2;
    for (let column = 0; column < columns; column++) {
      const text = pick(words);
      const said = random() < 0.5 ? text.toUpperCase() : text;
      const space = width / columns;
      const size = (height / rows) * between(0.25, 0.6);
      context.save();
      context.translate((column + 0.5) * space, ((row + 0.5) * height) / rows);
      context.rotate(between(-0.12, 0.12));
      context.transform(1, 0, between(-0.15, 0.15), 1, 0, 0);
      context.font = `${pick(['bold ', ''])}${size}px ${pick(fonts)}`;
      const wide = context.measureText(said).width;
      const fit = Math.min(1, (space * 0.8) / wide);
      context.scale(fit, fit);
      const dark = random() < 0.5;
      const tone = between(0, 360);
      if (random() < 0.75) {
        context.fillStyle = `hsl(${tone} 50% ${dark ? 90 : 22}%)`;
        context.fillRect(-wide / 2 - size * 0.35, -size * 0.75, wide + size * 0.7, size * 1.5);
      }
      context.fillStyle = `hsl(${tone + 180} 60% ${dark ? 15 : 95}%)`;
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      context.fillText(said, 0, 0);
      context.restore();
    }
  }
  addNoise(context, random, width, height);
}

/** Draws a line of text, upright where `index` is even, else upside down. */
export function drawTextLine(context: Context, index: number, width: number, height: number): void {
  const random = randomOf(index);
  const tone = 360 * random();
  const dark = random() < 0.5;
  context.fillStyle = `hsl(${tone} 30% ${dark ? 88 : 25}%)`;
  context.fillRect(0, 0, width, height);
  context.save();
  context.translate(width / 2, height / 2);
  if (index % 2 === 1) context.rotate(Math.PI);
  context.fillStyle = `hsl(${tone + 180} 60% ${dark ? 15 : 95}%)`;
  context.font = `${height * 0.7}px ${fonts[index % fonts.length]}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(words[index % words.length], 0, 0, width * 0.92);
  context.restore();
  addNoise(context, random, width, height);
}

/** As a camera has it. */
function addNoise(context: Context, random: () => number, width: number, height: number): void {
  const image = context.getImageData(0, 0, width, height);
  const strength = 24 * random();
  for (let i = 0; i < image.data.length; i++)
    if (i % 4 !== 3) image.data[i] += strength * (random() + random() - 1);
  context.putImageData(image, 0, 0);
}

/** Numbers of 0 to 1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
