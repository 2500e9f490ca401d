import DefaultTheme from 'vitepress/theme-without-fonts';
import { RunCode } from './run-code.js';
import './style.css';

export default {
  extends: DefaultTheme,
  /** @param {{ app: import('vue').App }} site */
  enhanceApp({ app }) {
    app.component('RunCode', RunCode);
  },
};
