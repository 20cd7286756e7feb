#pragma once
// How the report looks: on a screen, light or dark and of any width, and on paper.

#include <string_view>

namespace weightseal::watermark::report {

inline constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --line: #d5dae0; --paper: #fff; --panel: #f4f6f8;
  --detected: #1d4ed8; --no: #4b5563; --unsure: #92600a; --bar: #3b6fd6; --chance: #d9480f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --soft: #9aa4af; --line: #343b44; --paper: #14171b; --panel: #1d2127;
    --detected: #8ab0ff; --no: #b4bcc6; --unsure: #e5b454; --bar: #6c97ec; --chance: #ff9d66; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 54rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.3; margin: 0.2rem 0 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.12rem; margin: 2.6rem 0 0.6rem; padding-top: 0.9rem; border-top: 1px solid var(--line); }
p, ol { margin: 0.6rem 0; }
li { margin: 0.4rem 0; }
.kind { color: var(--soft); letter-spacing: 0.04em; margin: 0; }
.detected strong { color: var(--detected); }
.no strong { color: var(--no); }
.unsure strong { color: var(--unsure); }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px;
  background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; margin: 0; }
.figures div { background: var(--panel); padding: 0.8rem 1rem; }
.figures .lead { grid-column: 1 / -1; }
.figures dt { color: var(--soft); font-size: 0.85rem; }
.figures dd { margin: 0.1rem 0 0; font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures .lead dd { font-size: 2.1rem; line-height: 1.3; }
sup { line-height: 0; font-size: 0.72em; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.9rem 0.4rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 500; font-size: 0.85rem; white-space: nowrap; }
th.r, td.r { text-align: right; }
td.r { white-space: nowrap; }
tbody th { font-weight: 500; }
.facts th { width: 11rem; color: var(--soft); padding-right: 1rem; }
.facts td, .digests td, .names th, li { overflow-wrap: anywhere; }
.names tbody th { min-width: 15rem; }
tbody th span { color: var(--soft); font-weight: 400; }
tr.best td, tr.best th, tr.best code { font-weight: 700; }
.p { white-space: nowrap; }
.soft { color: var(--soft); }
.hex { font: 0.78rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 0.85rem; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 0.7rem 0.9rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 13px; }
svg .number { text-anchor: end; }
svg .tick { text-anchor: middle; }
svg .grid { stroke: var(--line); }
svg .bar { fill: var(--bar); }
svg .chance { fill: none; stroke: var(--chance); stroke-width: 2; }
figcaption, footer { color: var(--soft); font-size: 0.88rem; }
.key { display: inline-block; width: 0.8rem; height: 0.8rem; background: var(--bar); vertical-align: -0.05rem; }
.key.line { height: 0; border-top: 2px solid var(--chance); vertical-align: 0.25rem; background: none; }
footer { margin-top: 3rem; padding-top: 0.9rem; border-top: 1px solid var(--line); }
@media (max-width: 36rem) {
  h1 { font-size: 1.3rem; }
  .figures { grid-template-columns: repeat(2, 1fr); }
  .figures .lead dd { font-size: 1.6rem; }
  .facts th, .facts td, .digests th, .digests td { display: block; width: auto; border: 0; padding: 0.1rem 0; }
  .facts tr, .digests tr { display: block; border-bottom: 1px solid var(--line); padding: 0.4rem 0; }
  .table table { font-size: 0.78rem; }
  .table th, .table td { padding-right: 0.5rem; }
  .table thead th { font-size: 0.75rem; white-space: normal; }
  .table code { font-size: 0.74rem; }
  .names tbody th { min-width: 6rem; }
  .statistics thead, .statistics tbody { display: block; }
  .statistics tr { display: grid; grid-template-columns: 1fr 1.2fr 0.9fr; border-bottom: 1px solid var(--line); }
  .statistics tr > * { border: 0; }
  .statistics th:first-child, .statistics td[colspan] { grid-column: 1 / -1; }
  ul, ol { padding-left: 1.3rem; }
  svg text { font-size: 20px; }
}
@page { margin: 18mm 16mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --panel: #fff;
    --detected: #000; --no: #000; --unsure: #000; --bar: #777; --chance: #000; }
  html { font-size: 9.5pt; }
  body { font-size: 1rem; line-height: 1.45; }
  h2 { margin-top: 1.8rem; }
  th, td { padding-top: 0.2rem; padding-bottom: 0.2rem; }
  .hex { font-size: 0.72rem; line-height: 1.35; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  tr, figure, .figures, pre, li { break-inside: avoid; }
  .table { overflow: visible; }
}
)css";

} // namespace weightseal::watermark::report
