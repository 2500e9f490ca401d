// Both networks on the same frames, in turns: what the page shows.
import { computed, signal } from '@preact/signals';
import { alike } from './boxes';
import { cameraSource, drawnSource, photoSource } from './source';
import { proxy, worker } from './worker/start';
export const kinds = ['float', 'int8'];
export const loaded = signal();
export const loading = signal();
export const problem = signal();
export const running = signal(false);
export const seen = { float: signal(), int8: signal() };
export const rates = { float: signal(), int8: signal() };
/** Boxes of the float network, and how many of them int8 found too, on the frames that both saw. */
export const agreement = signal({ boxes: 0, alike: 0, extra: 0 });
/** How many times as fast int8 is; undefined before it is known. */
export const speedup = computed(() => {
    const [float, int8] = [rates.float.value, rates.int8.value];
    return float && int8 && int8.framesPerSecond / float.framesPerSecond;
});
let source;
export const useDrawn = () => use(async () => drawnSource());
export const useCamera = () => use(cameraSource);
export const usePhoto = (file) => use(() => photoSource(file));
/** Another source; the first one loads the networks. */
async function use(open) {
    problem.value = undefined;
    try {
        const next = await open();
        source?.stop();
        source = next;
        times.float.length = times.int8.length = 0;
        agreement.value = { boxes: 0, alike: 0, extra: 0 };
        await load();
        resume();
    }
    catch (error) {
        problem.value = error instanceof Error ? error.message : String(error);
    }
}
let opening;
function load() {
    opening ??= (async () => {
        const onStep = proxy((what, part) => {
            loading.value = { what, part };
        });
        loaded.value = await worker().load(onStep);
    })()
        .catch((error) => {
        opening = undefined;
        throw error;
    })
        .finally(() => {
        loading.value = undefined;
    });
    return opening;
}
export function pause() {
    running.value = false;
}
let turns;
export function resume() {
    running.value = true;
    if (turns)
        return;
    turns = takeTurns().finally(() => {
        turns = undefined;
    });
}
/** A frame for float, then int8 on the same and on as many more as fit in the same time; and again. */
async function takeTurns() {
    try {
        while (running.peek() && source) {
            const frame = source.frame();
            const { boxes, took } = await look('float', frame);
            const first = await look('int8', frame);
            compare(boxes, first.boxes);
            let left = took - first.took;
            while (left > 0 && running.peek())
                left -= (await look('int8', source.frame())).took;
            // The page draws what was seen.
            await new Promise(requestAnimationFrame);
        }
    }
    catch (error) {
        running.value = false;
        problem.value = error instanceof Error ? error.message : String(error);
    }
}
/** Milliseconds of the last frames. */
const times = { float: [], int8: [] };
const REMEMBERED = 24;
async function look(kind, frame) {
    const start = performance.now();
    const { boxes, ms } = await worker().detect(kind, frame.data);
    const took = performance.now() - start;
    seen[kind].value = { frame, boxes };
    const last = times[kind];
    last.push({ took, ms });
    if (last.length > REMEMBERED)
        last.shift();
    const mean = (of) => last.reduce((sum, one) => sum + one[of], 0) / last.length;
    rates[kind].value = { framesPerSecond: 1000 / mean('took'), ms: mean('ms') };
    return { boxes, took };
}
function compare(float, int8) {
    const found = alike(float, int8);
    const { boxes, alike: before, extra } = agreement.value;
    agreement.value = {
        boxes: boxes + float.length,
        alike: before + found,
        extra: extra + int8.length - found,
    };
}
