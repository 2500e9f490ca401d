// What both networks look at.
import { drawTextScene } from '@octet/web/text-scenes';
import { SIZE } from './size';
const CROP = 0.7;
/** Milliseconds of a way there and back. */
const [ACROSS, DOWN] = [11000, 17000];
/** A picture that a camera seems to pass over; it rests where people want no motion. */
function overPicture(picture, width, height) {
    const context = frameContext();
    const side = Math.min(width, height) * CROP;
    const rests = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const along = (period) => rests ? 0.5 : 0.5 + 0.5 * Math.sin((2 * Math.PI * performance.now()) / period);
    return {
        frame() {
            const [x, y] = [(width - side) * along(ACROSS), (height - side) * along(DOWN)];
            context.drawImage(picture, x, y, side, side, 0, 0, SIZE, SIZE);
            return context.getImageData(0, 0, SIZE, SIZE);
        },
        stop() { },
    };
}
/** Signs that the page draws; none of those that the network was calibrated with. */
export function drawnSource() {
    const side = 2 * SIZE;
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context)
        throw new Error('This browser gives no canvas to draw on.');
    drawTextScene(context, 1001, side, side);
    return overPicture(canvas, side, side);
}
/** A photo from a file. @throws Error for what is no image */
export async function photoSource(file) {
    const bitmap = await createImageBitmap(file).catch((cause) => {
        throw new Error(`${file.name} can't be read as an image.`, { cause });
    });
    return { ...overPicture(bitmap, bitmap.width, bitmap.height), stop: () => bitmap.close() };
}
/** The camera: the one at the back, where there are two. @throws Error where there is none, or it may not be used */
export async function cameraSource() {
    if (!navigator.mediaDevices)
        throw new Error('Browsers give pages a camera on https or localhost only.');
    const stream = await navigator.mediaDevices
        .getUserMedia({ video: { facingMode: 'environment', width: { ideal: 2 * SIZE } } })
        .catch((cause) => {
        throw new Error(`There is no camera to use: ${cause.message}. The drawn signs and photos need none.`, {
            cause,
        });
    });
    const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true });
    video.playsInline = true;
    await video.play();
    const context = frameContext();
    return {
        frame() {
            const side = Math.min(video.videoWidth, video.videoHeight);
            const [x, y] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
            context.drawImage(video, x, y, side, side, 0, 0, SIZE, SIZE);
            return context.getImageData(0, 0, SIZE, SIZE);
        },
        stop() {
            for (const track of stream.getTracks())
                track.stop();
        },
    };
}
function frameContext() {
    const context = new OffscreenCanvas(SIZE, SIZE).getContext('2d', { willReadFrequently: true });
    if (!context)
        throw new Error('This browser gives no canvas to draw on.');
    return context;
}
