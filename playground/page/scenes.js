/** Buttons that let a made-up community play in the server, and how far a scene is. */

import { h } from "./element.js";
import { icon } from "./icons.js";

/** @typedef {{name: string, title: string, about: string}} Scene */
/** @typedef {{name: string, title: string, beat: number, beats: number}} Playing */

export class SceneBoard {
  #api;
  #state;
  #toasts;
  #now = h("div", { class: "scene-now" });
  #list = h("div", { class: "fault-list" });

  /** @param {import("./api.js").Api} api @param {import("./state.js").State} state @param {import("./toast.js").Toasts} toasts */
  constructor(api, state, toasts) {
    this.#api = api;
    this.#state = state;
    this.#toasts = toasts;
    this.node = h("section", { class: "panel-section scenes", "aria-label": "Scenes" },
      h("h3", {}, icon("people"), "Scenes"),
      h("p", { class: "panel-note" }, "A made-up community comes to life: watch it, talk along, and see the loop fill. What they say is real to Mynah."),
      this.#now,
      this.#list);
    for (const topic of ["everything", "scenes"]) state.on(topic, () => this.#draw());
  }

  #draw() {
    const { scenes, playing } = this.#state;
    if (this.#list.childElementCount !== scenes.length) this.#list.replaceChildren(...scenes.map((scene) => this.#button(scene)));
    for (const button of this.#list.querySelectorAll("button")) button.disabled = playing !== null;
    if (playing === null) return this.#now.replaceChildren();
    const known = this.#now.querySelector("progress");
    if (known === null) this.#now.replaceChildren(...this.#progress(playing));
    const bar = this.#now.querySelector("progress");
    if (bar) bar.value = playing.beat / playing.beats;
    return undefined;
  }

  /** @param {Playing} playing @returns {HTMLElement[]} */
  #progress(playing) {
    return [
      h("p", { class: "panel-words", role: "status" }, `On now: ${playing.title}`),
      h("progress", { class: "scene-progress", max: 1, value: 0, "aria-label": `How far “${playing.title}” is` }),
      h("button", { class: "button button-secondary", type: "button", on: { click: () => this.#do(() => this.#api.stopScene()) } }, "Stop the scene"),
    ];
  }

  /** @param {Scene} scene @returns {HTMLElement} */
  #button(scene) {
    const begin = () => this.#do(() => this.#api.beginScene({ name: scene.name, seed: Math.trunc(Math.random() * 1000) }));
    return h("button", { class: "fault scene", type: "button", data: { scene: scene.name }, on: { click: begin } },
      h("strong", {}, scene.title), h("span", {}, scene.about));
  }

  /** @param {() => Promise<unknown>} act */
  async #do(act) {
    try {
      await act();
    } catch (error) {
      this.#toasts.error(error);
    }
  }
}
