import { withBase } from 'vitepress';
import { defineComponent, h, ref } from 'vue';

/** Longer than any of them takes, in milliseconds. */
const patience = 60_000;

/** A button below a block of code that runs it in a worker, and what it printed. Octet is loaded with the first run. */
export const RunCode = defineComponent({
  props: { code: { type: String, required: true } },
  setup(props) {
    const running = ref(false);
    const printed = ref('');

    async function run() {
      if (running.value) return;
      running.value = true;
      printed.value = '';
      try {
        await runInWorker(decodeURIComponent(props.code), (line) => {
          printed.value += `${line}\n`;
        });
      } catch (error) {
        printed.value += `${error instanceof Error ? error.message : error}\n`;
      } finally {
        running.value = false;
      }
    }

    return () =>
      h('div', { class: 'run-code' }, [
        h('button', { type: 'button', 'aria-disabled': running.value, onClick: run }, 'Run it here'),
        h('div', { role: 'status' }, [
          running.value ? 'Running …' : '',
          printed.value ? h('pre', { tabindex: 0, 'aria-label': 'What it printed' }, printed.value) : '',
        ]),
      ]);
  },
});

/**
 * @param {string} code a module that imports from `octet`
 * @param {(line: string) => void} print
 */
function runInWorker(code, print) {
  const octet = new URL(withBase('/run/octet.js'), location.href).href;
  const program = code.replace(/from 'octet'/g, () => `from '${octet}'`);
  const source = `
    const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
    console.log = (...values) => postMessage({ line: values.map(text).join(' ') });
    import(${JSON.stringify(moduleOf(program))}).then(
      () => postMessage({ done: true }),
      (error) => postMessage({ error: String(error) }),
    );`;
  const worker = new Worker(moduleOf(source), { type: 'module' });
  let late;
  return new Promise((resolve, reject) => {
    late = setTimeout(() => reject(new Error('It took too long.')), patience);
    worker.onerror = ({ message }) => reject(new Error(message || 'It could not be loaded.'));
    worker.onmessage = ({ data: { line, done, error } }) => {
      if (line !== undefined) print(line);
      else if (done) resolve(undefined);
      else reject(new Error(error));
    };
  }).finally(() => {
    clearTimeout(late);
    worker.terminate();
  });
}

/** @param {string} source */
function moduleOf(source) {
  return URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
}
