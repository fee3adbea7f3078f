/** Buttons that break the connection between Mynah and its Discord on purpose, and what is broken now. */

import { h } from "./element.js";
import { icon } from "./icons.js";

/** @typedef {{kind: string, name: string, does: string, body?: Record<string, unknown>}} Fault */

/** @type {{heading: string, faults: Fault[]}[]} */
const FAULTS = [
  {
    heading: "The gateway",
    faults: [
      { kind: "drop", name: "Cut the connection", does: "At once, without goodbye. The bot resumes and misses nothing." },
      { kind: "reconnect", name: "Ask to reconnect", does: "What Discord does when it moves a bot elsewhere." },
      { kind: "invalid_session", name: "Forget the session", does: "The bot must identify itself anew." },
      { kind: "refuse_resume", name: "Refuse the next resume", does: "Cut the connection as well to see it." },
      { kind: "zombie", name: "Ignore heartbeats", does: "For 60 seconds: the bot notices and reconnects.", body: { seconds: 60 } },
      { kind: "half_closed", name: "Half-closed socket", does: "It looks open, and nothing goes through any more." },
      { kind: "duplicate_events", name: "Say everything twice", does: "For 30 seconds. Nobody is answered twice.", body: { seconds: 30 } },
      { kind: "replay_events", name: "Repeat the last events", does: "With their old numbers. Nobody is answered twice." },
    ],
  },
  {
    heading: "Discord's API",
    faults: [
      { kind: "rate_limit", name: "Rate limit", does: "The next 3 requests are told to wait a second.", body: { times: 3 } },
      { kind: "server_error", name: "Server error", does: "The next 2 requests fail with 503.", body: { times: 2 } },
      { kind: "lost_answer", name: "Lose an answer", does: "The next request is carried out, and the bot never hears of it." },
      { kind: "slow", name: "Be slow", does: "For 20 seconds each answer takes 2 seconds.", body: { seconds: 20 } },
    ],
  },
];

export class FaultBoard {
  #api;
  #state;
  #toasts;
  #active = h("div", { class: "fault-active", "aria-live": "polite" });

  /** @param {import("./api.js").Api} api @param {import("./state.js").State} state @param {import("./toast.js").Toasts} toasts */
  constructor(api, state, toasts) {
    this.#api = api;
    this.#state = state;
    this.#toasts = toasts;
    const groups = FAULTS.map(({ heading, faults }) =>
      h("div", { class: "fault-group" }, h("h4", {}, heading), h("div", { class: "fault-list" }, faults.map((fault) => this.#button(fault)))));
    this.node = h("section", { class: "panel-section faults", "aria-label": "Break something" },
      h("h3", {}, icon("bolt"), "Break something"),
      h("p", { class: "panel-note" }, "Real faults on real sockets. Mynah must lose nothing, answer nobody twice, and come back by itself."),
      this.#active,
      ...groups);
    for (const topic of ["everything", "faults"]) state.on(topic, () => this.#draw());
  }

  /** @param {Fault} fault @returns {HTMLElement} */
  #button(fault) {
    const begin = async () => {
      try {
        await this.#api.beginFault({ kind: fault.kind, ...fault.body });
        this.#toasts.tell(`${fault.name}: done.`);
      } catch (error) {
        this.#toasts.error(error);
      }
    };
    return h("button", { class: "fault", type: "button", data: { fault: fault.kind }, on: { click: begin } },
      h("strong", {}, fault.name), h("span", {}, fault.does));
  }

  #draw() {
    const { faults } = this.#state;
    const rows = faults.map((fault) => {
      const name = FAULTS.flatMap(({ faults }) => faults).find(({ kind }) => kind === fault.kind)?.name ?? fault.kind;
      const left = fault.seconds !== null && fault.seconds !== undefined ? `${Math.ceil(fault.seconds)} s` : `${fault.times ?? 1} times`;
      return h("li", {}, h("span", {}, `${name} · ${left} · hit ${fault.hits}`),
        h("button", { class: "link-button", type: "button", "aria-label": `End ${name}`, on: { click: () => this.#end(fault.id) } }, "End"));
    });
    const endAll = h("button", { class: "button button-secondary", type: "button", on: { click: () => this.#end(null) } }, "End all");
    this.#active.replaceChildren(...(rows.length ? [h("ul", {}, rows), endAll] : []));
  }

  /** @param {string | null} id */
  async #end(id) {
    try {
      await this.#api.endFaults(id);
    } catch (error) {
      this.#toasts.error(error);
    }
  }
}
