/** The page's style: light or dark as the reader's system, and black on white on paper. */
export const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --muted: #5b6470; --paper: #fff; --card: #f6f7f9; --line: #dfe3e8; --edges: rgba(0, 0, 0, .22);
  --accent: #3b6fd4; --range: rgba(60, 160, 90, .16); --edge: rgba(40, 130, 70, .55); --plain: #7d848d; --second: #d06a1e; --bad: #b3261e; --good: #2b7a3f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --muted: #9aa4b2; --paper: #14171b; --card: #1d2127;
  --line: #323944; --edges: rgba(255, 255, 255, .25); --accent: #79a6ff; --range: rgba(90, 200, 120, .16); --edge: rgba(110, 210, 140, .5); --plain: #8b929b; --second: #f0a060; --bad: #ff8a80; --good: #7fd095; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 64rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
h1, h3, code { overflow-wrap: anywhere; } h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; } h3 { font-size: 1rem; margin: 0; }
p { margin: .35rem 0; } a { color: var(--accent); } code, pre { font: 13px/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; }
pre { background: var(--card); padding: .75rem 1rem; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; }
.muted, figcaption { color: var(--muted); font-size: .87rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.4rem, 1fr)); gap: .75rem; margin: 1.25rem 0; padding: 0; }
.tile { background: var(--card); border-radius: 8px; padding: .65rem .7rem; }
.tile b { display: block; font-size: 1rem; font-weight: 600; } .tile span { color: var(--muted); font-size: .82rem; }
.verdict { border: 2px solid var(--muted); border-radius: 8px; padding: .9rem 1.1rem; margin: 1.25rem 0; } .verdict h2 { margin: 0; font-size: 1.35rem; }
.verdict.fine { border-color: var(--good); } .verdict.mend, .verdict.wrong { border-color: var(--bad); }
.note { border-left: 4px solid var(--bad); padding-left: .75rem; }
.finding, .layer { border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1.1rem; margin: .75rem 0; break-inside: avoid; }
.finding.cost { border-left: 4px solid var(--bad); } .finding.remark { border-left: 4px solid var(--muted); }
p + ol { margin-top: 0; } .finding ul { margin: .4rem 0; padding-left: 1.3rem; } .finding header { display: flex; justify-content: space-between; gap: 1rem; } .finding ol { margin: .4rem 0 0; padding-left: 1.3rem; }
.finding.cost header span { color: var(--bad); } .finding header span { color: var(--muted); white-space: nowrap; font-variant-numeric: tabular-nums; }
/* A shadow at the edge behind which there is more. */
.scroll { overflow-x: auto; background: linear-gradient(to right, var(--paper) 30%, transparent) 0 0, linear-gradient(to left, var(--paper) 30%, transparent) 100% 0,
  linear-gradient(to right, var(--edges), transparent) 0 0, linear-gradient(to left, var(--edges), transparent) 100% 0; background-repeat: no-repeat;
  background-size: 3rem 100%, 3rem 100%, .9rem 100%, .9rem 100%; background-attachment: local, local, scroll, scroll; }
.wide svg { min-width: 58rem; } table { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .42rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--muted); font-weight: 500; vertical-align: bottom; white-space: normal; } th:first-child, td:first-child, th.text, td.text { text-align: left; }
/* Tables and charts that stand by themselves. */
main > .scroll, main > .chart { margin: 1rem 0; } main > .scroll table { width: auto; } main > .scroll :is(th, td):not(:first-child) { padding-left: 1.2rem; }
td.wrap { white-space: normal; min-width: 11rem; } td.bad { color: var(--bad); font-weight: 600; } 
.pair { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; } figure { margin: .5rem 0 0; }
svg { display: block; } figure svg { width: 100%; height: auto; } svg text { font-family: inherit; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 .9em; vertical-align: -.05em; }
@media (max-width: 40rem) { svg .detail { display: none; } body { padding: 1rem .9rem 3rem; } h1 { font-size: 1.35rem; } .tiles { grid-template-columns: 1fr 1fr; gap: .5rem; }
  .pair svg text { font-size: 13px; } .finding, .layer, .verdict { padding: .75rem .8rem; } .finding header { flex-wrap: wrap; gap: .1rem 1rem; } }
@media print { :root { --ink: #000; --muted: #444; --paper: #fff; --card: #f3f3f3; --line: #ccc; --accent: #3b6fd4; --range: rgba(60, 160, 90, .16);
  --edge: rgba(40, 130, 70, .6); --plain: #7d848d; --second: #c05a10; --bad: #a01810; --good: #1f6a33; color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a { color: inherit; text-decoration: none; } h2, h2 + p { break-after: avoid; } .scroll { overflow: visible; background: none; } .wide svg { min-width: 0; } table { font-size: 7.5pt; }
  th, td { padding: .15rem .25rem; } tr { break-inside: avoid; } }
`;
