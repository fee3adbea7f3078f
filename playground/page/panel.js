/** "The loop": what Mynah logged, screened and holds for review, the run, the champion's line of descent, and what was decided. */

import { perplexityChart } from "./chart.js";
import { ago } from "./clock.js";
import { h } from "./element.js";
import { icon } from "./icons.js";

const STAGES = ["requested", "curating", "building", "training", "evaluating", "gating", "publishing"];
const OUTCOMES = {
  promoted: ["It answers from now on", "good"],
  refused: ["Not better: refused", "warn"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", "quiet"],
};
const VERDICTS = { pass: ["passed", "good"], hold: ["held", "warn"], refuse: ["refused", "bad"] };
const SETS = { heldout: "held-out talk", general: "everyday talk", taught: "what was taught" };
const SHOWN_DESCENT = 6;
const SHOWN_WAITING = 3;
const SHOWN_RECENT = 14;
const MOST_CHARACTERS = 140;
const LOOK_EVERY_MS = 30_000;

export class Panel {
  #state;
  /** @type {Record<string, HTMLElement>} */
  #sections;
  /** @type {Map<string, string>} what each section shows, so that it is drawn only when that changed */
  #shown = new Map();

  /**
   * @param {HTMLElement} place
   * @param {import("./state.js").State} state
   * @param {HTMLElement[]} boards what can be set going, below what is seen
   */
  constructor(place, state, boards) {
    this.#state = state;
    const section = (/** @type {string} */ name) => h("section", { class: `panel-section panel-${name}` });
    this.#sections = { counts: section("counts"), run: section("run"), waiting: section("waiting"), descent: section("descent"), chart: section("chart"), recent: section("recent") };
    const note = h("p", { class: "panel-note" });
    place.append(
      h("header", { class: "panel-head" }, h("h2", {}, icon("loop"), "The loop")),
      h("div", { class: "panel-body" }, note, ...Object.values(this.#sections), ...boards),
    );
    state.on("everything", () => (note.textContent = state.notices.training ?? ""));
    state.on("loop", () => this.#draw());
    setInterval(() => this.#draw(), LOOK_EVERY_MS);
  }

  #draw() {
    const { loop } = this.#state;
    if (loop === null) return;
    const { status, versions = [], waiting = [], turns = [], moves = [], runs = [] } = loop;
    const now = new Date();
    this.#put("counts", [status?.turns, status?.candidates, status?.queue, status?.approved_since_last_run], () => counts(status));
    this.#put("run", [status?.last_run, status?.trainer_alive], () => run(status));
    this.#put("waiting", [waiting], () => waits(waiting));
    this.#put("descent", [versions], () => descent(versions));
    this.#put("chart", [versions], () => chart(versions));
    this.#put("recent", [turns, moves, runs, Math.floor(now.getTime() / LOOK_EVERY_MS)], () => lately(loop, now));
  }

  /** @param {string} name @param {unknown} what @param {() => (Node | null)[]} make */
  #put(name, what, make) {
    const key = JSON.stringify(what);
    if (this.#shown.get(name) === key) return;
    this.#shown.set(name, key);
    this.#sections[name].replaceChildren(...make().filter((part) => part !== null));
  }
}

/** @param {Record<string, any> | null} status @returns {(Node | null)[]} */
function counts(status) {
  if (!status) return [h("p", { class: "panel-empty" }, "Mynah's home folder cannot be read yet. It will show here once the bot runs.")];
  const waiting = status.queue?.waiting ?? status.candidates?.waiting ?? 0;
  const cell = (/** @type {unknown} */ figure, /** @type {string} */ name, /** @type {string} */ title, look = "") =>
    h("div", { class: `count ${look}`, title }, h("dd", {}, String(figure ?? "–")), h("dt", {}, name));
  return [
    h("h3", { class: "unseen" }, "How things stand"),
    h("dl", { class: "counts" },
      cell(status.turns, "logged", "Messages that were written down, after screening"),
      cell(waiting, "wait for review", "Examples that a moderator must look at", waiting ? "count-lit" : ""),
      cell(status.candidates?.approved, "approved", "Examples that may be learnt"),
      cell(status.approved_since_last_run, "not yet learnt", "Approved since the last run"),
    ),
  ];
}

/** @param {Record<string, any> | null} status @returns {(Node | null)[]} */
function run(status) {
  const last = status?.last_run;
  const head = h("h3", {}, "Training");
  if (!last) {
    const text = status?.trainer_alive === false ? "No run yet, and no trainer runs." : "No run yet. An admin begins one with /retrain now.";
    return [head, h("p", { class: "panel-empty" }, text)];
  }
  const outcome = OUTCOMES[last.state];
  const percent = Math.round((last.progress ?? 0) * 100);
  const at = STAGES.indexOf(last.state);
  const badge = outcome ? h("span", { class: `pill pill-${outcome[1]}` }, outcome[0]) : h("span", { class: "pill pill-live" }, last.state);
  return [
    h("h3", {}, `Run ${last.id}`, badge),
    outcome ? null : h("div", { class: "bar", role: "progressbar", "aria-label": `Run ${last.id}`, "aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100 },
      h("i", { style: { width: `${percent}%` } })),
    outcome ? null : h("ol", { class: "stages", "aria-label": "Stages" },
      STAGES.map((stage, index) => h("li", { class: index < at ? "stage stage-done" : index === at ? "stage stage-now" : "stage", "aria-current": index === at ? "step" : null }, stage))),
    last.note ? h("p", { class: "panel-words" }, last.note) : null,
  ];
}

/** @param {Record<string, any>[]} versions newest first @returns {(Node | null)[]} */
function descent(versions) {
  const head = h("h3", {}, "Line of descent");
  const champion = versions.find(({ aliases }) => aliases?.includes("champion"));
  if (!versions.length) return [head, h("p", { class: "panel-empty" }, "No version yet: the first start sets one.")];
  const byName = new Map(versions.map((version) => [version.version, version]));
  const line = [];
  for (let at = champion ?? versions[0]; at && line.length < SHOWN_DESCENT && !line.includes(at); at = byName.get(at.parent)) line.push(at);
  const others = versions.filter((version) => !line.includes(version)).slice(0, SHOWN_DESCENT);
  const row = (/** @type {Record<string, any>} */ version) =>
    h("li", { class: version === champion ? "version version-champion" : "version" },
      h("span", { class: "version-name", title: version.version }, version.version),
      ...(version.aliases ?? []).map((/** @type {string} */ alias) => h("span", { class: `pill pill-${alias === "champion" ? "good" : "quiet"}` }, alias)),
      typeof version.perplexity?.heldout === "number" &&
        h("span", { class: "version-figure", title: "Perplexity on held-out talk, lower is better" }, version.perplexity.heldout.toFixed(1)));
  return [
    head,
    h("ol", { class: "descent", "aria-label": "The champion and its ancestors" }, line.map(row)),
    others.length ? h("details", { class: "others" }, h("summary", {}, `${others.length} beside the line`), h("ul", { class: "descent" }, others.map(row))) : null,
  ];
}

/** @param {Record<string, any>[]} waiting oldest first @returns {(Node | null)[]} */
function waits(waiting) {
  if (!waiting.length) return [];
  const more = waiting.length - SHOWN_WAITING;
  return [
    h("h3", {}, "Waits for review"),
    h("ul", { class: "recent" }, waiting.slice(0, SHOWN_WAITING).map((candidate) =>
      h("li", {}, candidate.messages.slice(-2).map((/** @type {{role: string, text: string}} */ message) =>
        h("p", { class: "recent-words" }, h("strong", {}, message.role === "user" ? "Member: " : "To be learnt: "), shortened(message.text)))))),
    more > 0 ? h("p", { class: "panel-empty" }, `and ${more} more`) : null,
  ];
}

/** @param {Record<string, any>[]} versions newest first @returns {(Node | null)[]} */
function chart(versions) {
  const oldestFirst = [...versions].reverse();
  const series = Object.entries(SETS).map(([set, name]) => ({
    name,
    points: oldestFirst
      .map(({ version, perplexity, aliases }, place) => ({ version, place, value: perplexity?.[set], isChampion: Boolean(aliases?.includes("champion")) }))
      .filter(({ value }) => Number.isFinite(value) && value > 0),
  }));
  const shown = series.filter(({ points }) => points.length);
  return [h("h3", {}, "Perplexity by version", h("span", { class: "panel-aside" }, "lower is better")), perplexityChart(shown, versions.length)];
}

/** What was screened and decided, newest first. @param {Record<string, any>} loop @param {Date} now @returns {(Node | null)[]} */
function lately({ turns = [], moves = [], runs = [] }, now) {
  const screened = turns.filter((/** @type {any} */ turn) => turn.role === "user").map((/** @type {any} */ turn) => {
    const [kind, tone] = VERDICTS[turn.verdict?.outcome] ?? ["logged", "quiet"];
    return { at: turn.created_at, kind, tone, text: `“${shortened(turn.text)}”`, reasons: turn.verdict?.reasons ?? [] };
  });
  const moved = moves.map((/** @type {any} */ move) => ({
    at: move.created_at,
    kind: move.action,
    tone: move.action === "rollback" ? "warn" : "good",
    text: `${move.alias} is ${move.to_version ?? "nobody"}${move.from_version ? ` instead of ${move.from_version}` : ""}`,
    reasons: move.reason ? [move.reason] : [],
  }));
  const ran = runs.filter((/** @type {any} */ one) => OUTCOMES[one.state]).map((/** @type {any} */ one) => ({
    at: one.finished_at ?? one.updated_at, kind: one.state, tone: OUTCOMES[one.state][1], text: `Run ${one.id}. ${one.note ?? ""}`, reasons: [],
  }));
  const all = [...screened, ...moved, ...ran].sort((one, other) => String(other.at).localeCompare(String(one.at)));
  const head = h("h3", {}, "Screened and decided");
  if (!all.length) return [head, h("p", { class: "panel-empty" }, "Nothing yet. Say hello to Mynah.")];
  return [
    head,
    h("ol", { class: "recent" }, all.slice(0, SHOWN_RECENT).map((one) =>
      h("li", {},
        h("div", { class: "recent-head" }, h("span", { class: `pill pill-${one.tone}` }, one.kind),
          one.at && h("time", { datetime: one.at }, ago(new Date(one.at), now))),
        h("p", { class: "recent-words" }, one.text),
        one.reasons.length ? h("p", { class: "recent-reasons" }, one.reasons.join(" · ")) : null))),
  ];
}

/** @param {string} text @returns {string} */
function shortened(text) {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
}
