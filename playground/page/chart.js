/**
 * A small line chart of perplexity by version, with a table of the same for those who do not see it. The scale is that of
 * ratios, as perplexity is: from 100 to 50 is as far as from 20 to 10.
 */

import { h, svg } from "./element.js";

const WIDTH = 260;
const HEIGHT = 96;
const LEFT = 30;
const RIGHT = 10;
const TOP = 12;
const BOTTOM = 16;

/**
 * @typedef {{version: string, place: number, value: number, isChampion: boolean}} Point place: which version, from 0, the oldest
 * @typedef {{name: string, points: Point[]}} Series
 */

/**
 * @param {Series[]} series each oldest first, and none empty
 * @param {number} versions how many there are
 * @returns {HTMLElement}
 */
export function perplexityChart(series, versions) {
  const values = series.flatMap(({ points }) => points.map(({ value }) => value));
  if (!values.length) return h("p", { class: "panel-empty" }, "No version has been measured yet.");
  const low = Math.min(...values);
  const high = Math.max(...values);
  const x = (/** @type {number} */ place) => (versions < 2 ? (LEFT + WIDTH - RIGHT) / 2 : LEFT + (place * (WIDTH - LEFT - RIGHT)) / (versions - 1));
  const y = (/** @type {number} */ value) => (high === low ? HEIGHT / 2 : TOP + (Math.log(high / value) / Math.log(high / low)) * (HEIGHT - TOP - BOTTOM));
  const chart = svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Line chart of perplexity by version; the table after it has the figures" },
    [...new Set([high, low])].map((value) => [
      svg("line", { class: "chart-grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { class: "chart-mark", x: LEFT - 5, y: y(value) + 3, "text-anchor": "end" }, value.toFixed(1)),
    ]),
    series.map(({ points }, index) => line(points, index, x, y)),
    svg("text", { class: "chart-mark", x: LEFT, y: HEIGHT - 3 }, "oldest"),
    svg("text", { class: "chart-mark", x: WIDTH - RIGHT, y: HEIGHT - 3, "text-anchor": "end" }, "newest"),
  );
  const legend = h("ul", { class: "chart-legend", "aria-hidden": "true" }, series.map(({ name }, index) => h("li", { class: `chart-series-${index}` }, name)));
  return h("div", {}, chart, legend, table(series));
}

/**
 * @param {Point[]} points @param {number} index @param {(place: number) => number} x @param {(value: number) => number} y
 * @returns {SVGElement}
 */
function line(points, index, x, y) {
  const path = points.map(({ place, value }, at) => `${at ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const dots = points.map((point) =>
    svg("circle", { class: point.isChampion ? "chart-dot chart-dot-champion" : "chart-dot", cx: x(point.place), cy: y(point.value), r: point.isChampion ? 4 : 2.5 },
      svg("title", {}, `${point.version}: ${point.value.toFixed(2)}`)));
  return svg("g", { class: `chart-series-${index}` }, svg("path", { class: "chart-line", d: path }), dots);
}

/** @param {Series[]} series @returns {HTMLElement} */
function table(series) {
  const rows = series.flatMap(({ name, points }) => points.map(({ version, value }) =>
    h("tr", {}, h("th", { scope: "row" }, `${version}, ${name}`), h("td", {}, value.toFixed(2)))));
  return h("table", { class: "unseen" }, h("caption", {}, "Perplexity by version"), h("tbody", {}, rows));
}
