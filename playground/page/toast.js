/** Short news at the edge of the page: what went wrong, in plain words, and what was done. */

import { h } from "./element.js";
import { icon } from "./icons.js";

const SHOWN_MS = 7000;
const MOST = 4;

export class Toasts {
  #place;

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    place.setAttribute("role", "log");
    place.setAttribute("aria-live", "assertive");
    place.setAttribute("aria-label", "Notices");
  }

  /** @param {unknown} error */
  error(error) {
    this.#show(error instanceof Error ? error.message : String(error), "toast toast-error", "warning");
  }

  /** @param {string} text */
  tell(text) {
    this.#show(text, "toast", "check");
  }

  /** @param {string} text @param {string} look @param {"warning" | "check"} mark */
  #show(text, look, mark) {
    const close = h("button", { class: "icon-button", type: "button", "aria-label": "Dismiss this notice" }, icon("close"));
    const toast = h("div", { class: look }, icon(mark), h("p", {}, text), close);
    const remove = () => toast.remove();
    close.addEventListener("click", remove);
    this.#place.append(toast);
    while (this.#place.children.length > MOST) this.#place.firstElementChild?.remove();
    let timer = setTimeout(remove, SHOWN_MS);
    toast.addEventListener("pointerenter", () => clearTimeout(timer));
    toast.addEventListener("pointerleave", () => (timer = setTimeout(remove, SHOWN_MS)));
  }
}
