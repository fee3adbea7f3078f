/**
 * Suggestions above a field while one types: commands, people, channels, choices. Arrows move, Enter or Tab takes,
 * Escape closes. The field keeps the focus, so a screen reader hears the suggestion through `aria-activedescendant`.
 *
 * @typedef {object} Suggestion
 * @property {string} label
 * @property {string} [detail]
 * @property {Node} [picture]
 * @property {unknown} value
 *
 * @typedef {{heading: string, suggestions: Suggestion[]}} Offer
 */

import { h, uniqueId } from "./element.js";
import { onPressElsewhere, showBeside } from "./popup.js";

const MOST_SHOWN = 50;

export class Picker {
  #field;
  #find;
  #take;
  #prefersFirst;
  #popup;
  #stopWaiting = () => {};
  /** @type {Suggestion[]} */
  #shown = [];
  #at = 0;
  #asked = 0;

  /**
   * @param {HTMLInputElement | HTMLTextAreaElement} field
   * @param {object} options
   * @param {string} options.label
   * @param {() => Offer | null | Promise<Offer | null>} options.find what fits what is typed now
   * @param {(suggestion: Suggestion) => void} options.take
   * @param {HTMLElement} [options.place] where the list is put in the document; beside the field without it
   * @param {boolean} [options.prefersFirst] whether Enter takes the first suggestion before an arrow chose one
   */
  constructor(field, { label, find, take, place, prefersFirst = true }) {
    this.#field = field;
    this.#find = find;
    this.#take = take;
    this.#prefersFirst = prefersFirst;
    const id = uniqueId("suggestions");
    this.#popup = h("div", { class: "picker", id, role: "listbox", popover: "manual", "aria-label": label });
    (place ?? field.parentElement ?? document.body).append(this.#popup);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", id);
    field.setAttribute("autocomplete", "off");
    field.addEventListener("input", () => this.refresh());
    field.addEventListener("keydown", (event) => this.#steer(/** @type {KeyboardEvent} */ (event)));
    field.addEventListener("blur", () => this.close());
    this.#popup.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  /** @returns {boolean} */
  get isOpen() {
    return this.#shown.length > 0;
  }

  /** Ask again what fits. */
  async refresh() {
    this.#asked += 1;
    const asked = this.#asked;
    const offer = await this.#find();
    if (asked !== this.#asked) return;
    if (offer === null || !offer.suggestions.length || document.activeElement !== this.#field) this.close();
    else this.#show(offer);
  }

  /** Show nothing. */
  close() {
    this.#asked += 1;
    this.#shown = [];
    this.#stopWaiting();
    this.#field.removeAttribute("aria-activedescendant");
    if (this.#field.getAttribute("role") === "combobox") this.#field.setAttribute("aria-expanded", "false");
    if (this.#popup.matches(":popover-open")) this.#popup.hidePopover();
  }

  /** Take the popup out of the document. */
  remove() {
    this.close();
    this.#popup.remove();
  }

  /** @param {Offer} offer */
  #show({ heading, suggestions }) {
    this.#shown = suggestions.slice(0, MOST_SHOWN);
    this.#at = this.#prefersFirst || this.#field.value ? 0 : -1;
    this.#popup.replaceChildren(
      h("div", { class: "picker-heading", role: "presentation" }, heading),
      ...this.#shown.map((suggestion, index) => this.#option(suggestion, index)),
    );
    if (this.#field.getAttribute("role") === "combobox") this.#field.setAttribute("aria-expanded", "true");
    this.#stopWaiting();
    this.#stopWaiting = onPressElsewhere([this.#popup, this.#field], () => this.close());
    showBeside(this.#popup, this.#field, "above");
    this.#mark();
  }

  /** @param {Suggestion} suggestion @param {number} index @returns {HTMLElement} */
  #option(suggestion, index) {
    return h(
      "div",
      {
        class: "picker-option",
        id: `${this.#popup.id}-${index}`,
        role: "option",
        "aria-selected": "false",
        on: {
          click: () => this.#choose(index),
          pointermove: () => {
            if (this.#at === index) return;
            this.#at = index;
            this.#mark();
          },
        },
      },
      suggestion.picture,
      h("span", { class: "picker-label" }, suggestion.label),
      suggestion.detail && h("span", { class: "picker-detail" }, suggestion.detail),
    );
  }

  #mark() {
    this.#popup.querySelectorAll(".picker-option").forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.#at));
      if (index === this.#at) option.scrollIntoView({ block: "nearest" });
    });
    if (this.#at >= 0) this.#field.setAttribute("aria-activedescendant", `${this.#popup.id}-${this.#at}`);
  }

  /** @param {number} index */
  #choose(index) {
    const suggestion = this.#shown[index];
    this.close();
    this.#field.focus();
    this.#take(suggestion);
  }

  /** @param {KeyboardEvent} event */
  #steer(event) {
    if (!this.isOpen || event.isComposing) return;
    const count = this.#shown.length;
    if (event.key === "ArrowDown") this.#at = (this.#at + 1) % count;
    else if (event.key === "ArrowUp") this.#at = (Math.max(this.#at, 0) - 1 + count) % count;
    else if (event.key === "Escape") this.close();
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && this.#at >= 0) this.#choose(this.#at);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (this.isOpen) this.#mark();
  }
}

/** @param {Suggestion[]} suggestions @param {string} typed @returns {Suggestion[]} those that fit, the best first */
export function fitting(suggestions, typed) {
  const wanted = typed.trim().toLowerCase();
  const rank = ({ label }) => {
    const name = label.toLowerCase().replace(/^[@#/:]/, "");
    return name.startsWith(wanted) ? 0 : name.split(/[\s_-]/).some((part) => part.startsWith(wanted)) ? 1 : name.includes(wanted) ? 2 : 3;
  };
  const ranked = suggestions.map((suggestion) => ({ suggestion, at: wanted ? rank(suggestion) : 0 }));
  return ranked.filter(({ at }) => at < 3).sort((one, other) => one.at - other.at).map(({ suggestion }) => suggestion);
}
