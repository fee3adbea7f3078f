/** A list to choose from, in messages and forms: a button that opens a listbox, for one choice or several. */

import * as entities from "./entities.js";
import { h, uniqueId } from "./element.js";
import { icon } from "./icons.js";
import { onPressElsewhere, showBeside } from "./popup.js";

const STRING = 3;

/**
 * @typedef {{value: string, label: string, description?: string, picture?: Node, isDefault: boolean}} Choice
 */

/**
 * What can be chosen in a select of any kind.
 * @param {import("./discord.js").Component} component
 * @param {import("./state.js").State} state
 * @returns {Choice[]}
 */
export function choicesOf(component, state) {
  const defaults = new Set((component.default_values ?? []).map(({ id }) => id));
  if (component.type === STRING || component.options) {
    return (component.options ?? []).map((option) => ({
      value: option.value,
      label: option.label,
      description: option.description,
      picture: option.emoji ? h("span", { class: "select-emoji" }, option.emoji.name) : undefined,
      isDefault: Boolean(option.default),
    }));
  }
  const found = {
    5: () => entities.people(state),
    6: () => entities.roles(state),
    7: () => [...entities.people(state), ...entities.roles(state)],
    8: () => entities.channels(state, component.channel_types ?? []),
  }[component.type]?.();
  return (found ?? []).map((one) => ({
    value: String(one.value), label: one.label, description: one.detail, picture: one.picture, isDefault: defaults.has(one.value),
  }));
}

/**
 * @param {import("./discord.js").Component} component
 * @param {import("./state.js").State} state
 * @param {object} options
 * @param {(values: string[]) => void} options.choose called with the new choice: at once for one, when closed for several
 * @param {string} [options.labelledBy] the id of its label; without it its placeholder names it
 * @returns {HTMLElement}
 */
export function selectNode(component, state, { choose, labelledBy }) {
  const choices = choicesOf(component, state);
  const least = component.min_values ?? 1;
  const most = component.max_values ?? 1;
  let chosen = choices.filter(({ isDefault }) => isDefault).map(({ value }) => value);
  const id = uniqueId("select");
  const words = h("span", { class: "select-words", id: `${id}-words` });
  const list = h("div", { class: "picker select-list", id: `${id}-list`, role: "listbox", popover: "manual" });
  const placeholder = component.placeholder || "Choose";
  list.setAttribute("aria-label", placeholder);
  if (most > 1) list.setAttribute("aria-multiselectable", "true");
  const button = h(
    "button",
    {
      class: "select", type: "button", role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false",
      "aria-controls": list.id, disabled: Boolean(component.disabled),
      "aria-label": labelledBy ? null : placeholder, "aria-labelledby": labelledBy ? `${labelledBy} ${words.id}` : null,
    },
    words,
    icon("down"),
  );
  let at = 0;
  let wasChanged = false;
  let stopWaiting = () => {};
  const isOpen = () => list.matches(":popover-open");

  function show() {
    const named = choices.filter(({ value }) => chosen.includes(value));
    words.replaceChildren(...(named.length
      ? named.flatMap((choice, index) => [index ? ", " : "", choice.picture?.cloneNode(true) ?? "", choice.label])
      : [h("span", { class: "select-placeholder" }, placeholder)]));
  }
  function render() {
    list.replaceChildren(...choices.map((choice, index) =>
      h(
        "div",
        {
          class: index === at ? "picker-option picker-active" : "picker-option", role: "option", id: `${id}-${index}`,
          "aria-selected": String(chosen.includes(choice.value)),
          on: { click: () => pick(index), pointermove: () => move(index) },
        },
        choice.picture?.cloneNode(true),
        h("span", { class: "select-option-words" },
          h("span", { class: "picker-label" }, choice.label),
          choice.description && h("span", { class: "picker-detail" }, choice.description)),
        chosen.includes(choice.value) && icon("check"),
      ),
    ));
    if (!choices.length) list.append(h("div", { class: "picker-heading" }, "There is nothing to choose from here."));
    button.setAttribute("aria-activedescendant", `${id}-${at}`);
    list.querySelector(".picker-active")?.scrollIntoView({ block: "nearest" });
  }
  function move(/** @type {number} */ index) {
    if (index === at) return;
    list.children[at]?.classList.remove("picker-active");
    at = index;
    list.children[at]?.classList.add("picker-active");
    button.setAttribute("aria-activedescendant", `${id}-${at}`);
  }
  function open() {
    render();
    showBeside(list, button, "below");
    button.setAttribute("aria-expanded", "true");
    stopWaiting = onPressElsewhere([list, button], close);
  }
  function close() {
    if (!isOpen()) return;
    stopWaiting();
    list.hidePopover();
    button.setAttribute("aria-expanded", "false");
    if (most > 1 && wasChanged && chosen.length >= least) choose(chosen);
    wasChanged = false;
  }
  function pick(/** @type {number} */ index) {
    const { value } = choices[index];
    if (most === 1) {
      chosen = least === 0 && chosen.includes(value) ? [] : [value];
      show();
      close();
      choose(chosen);
      button.focus();
      return;
    }
    if (chosen.includes(value)) chosen = chosen.filter((one) => one !== value);
    else if (chosen.length < most) chosen = [...chosen, value];
    wasChanged = true;
    show();
    render();
  }
  button.addEventListener("click", () => (isOpen() ? close() : open()));
  button.addEventListener("blur", () => setTimeout(() => document.activeElement !== button && close(), 0));
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    const count = choices.length;
    if (!isOpen()) {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      open();
    } else if (event.key === "ArrowDown") move((at + 1) % count);
    else if (event.key === "ArrowUp") move((at - 1 + count) % count);
    else if (event.key === "Enter" || event.key === " ") pick(at);
    else if (event.key === "Escape") close();
    else return;
    list.querySelector(".picker-active")?.scrollIntoView({ block: "nearest" });
    event.preventDefault();
    event.stopPropagation();
  });
  show();
  return h("div", { class: "select-field" }, button, list);
}
