/** A chosen command with a field for each of its options, in the place of the message box. Checks what Discord's own client does. */

import { ChannelType, OptionType } from "./discord.js";
import { h, uniqueId } from "./element.js";
import * as entities from "./entities.js";
import { icon } from "./icons.js";
import { fitting, Picker } from "./picker.js";

const COMPLETE_AFTER_MS = 150;
const NUMBERS = new Set([OptionType.INTEGER, OptionType.NUMBER]);
const HINTS = {
  [OptionType.BOOLEAN]: "true or false", [OptionType.USER]: "@somebody", [OptionType.CHANNEL]: "#channel", [OptionType.ROLE]: "@role",
  [OptionType.MENTIONABLE]: "@somebody or role", [OptionType.INTEGER]: "a whole number", [OptionType.NUMBER]: "a number",
  [OptionType.FILE]: "a file",
};

/**
 * @typedef {object} Field
 * @property {import("./discord.js").Option} option
 * @property {HTMLInputElement} input
 * @property {import("./picker.js").Suggestion | null} chosen
 * @property {Picker | null} picker
 */

export class CommandForm {
  #options;
  #state;
  #send;
  #leave;
  #complete;
  /** @type {Field[]} */
  #fields;
  #hint = h("p", { class: "command-hint", role: "status" });
  #submit;

  /**
   * @param {import("./commands.js").Invocable} invocable
   * @param {object} around
   * @param {import("./state.js").State} around.state
   * @param {string} around.rest words that were typed after the name
   * @param {(options: Record<string, unknown>[], files: File[]) => void} around.send
   * @param {() => void} around.leave
   * @param {(options: Record<string, unknown>[]) => Promise<{name: string, value: string | number}[]>} around.complete asks the bot
   */
  constructor(invocable, { state, rest, send, leave, complete }) {
    this.#options = invocable.options;
    this.#state = state;
    this.#send = send;
    this.#leave = leave;
    this.#complete = complete;
    const needsMore = this.#options.some(({ required }) => required);
    this.#hint.textContent = needsMore ? invocable.description : `${invocable.description}. Enter sends it.`;
    const chips = h("div", { class: "command-chips" }, h("span", { class: "command-name" }, `/${invocable.name}`));
    this.#submit = h("button", { class: "icon-button", type: "submit", "aria-label": `Send /${invocable.name}` }, icon("send"));
    const close = h("button", { class: "icon-button", type: "button", "aria-label": "Leave this command", on: { click: leave } }, icon("close"));
    this.node = h("form", { class: "command-form", "aria-label": `Command /${invocable.name}` },
      this.#hint, h("div", { class: "command-row" }, chips, close, this.#submit));
    this.#fields = this.#options.map((option) => this.#field(option, chips));
    if (rest && this.#fields[0]) this.#fields[0].input.value = rest;
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#trySend();
    });
    this.node.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Take the focus where something must be filled in; when nothing must, Enter sends. */
  focus() {
    const empty = this.#fields.find(({ option, input }) => option.required && !input.value);
    const target = empty?.input ?? this.#submit;
    target.focus();
  }

  /** Leave the document. */
  remove() {
    for (const { picker } of this.#fields) picker?.remove();
    this.node.remove();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { input } = this.#fields.find((field) => field.input === event.target) ?? {};
    const isErasing = event.key === "Backspace" && (input === undefined || (input === this.#fields[0]?.input && !input.value));
    if (event.key !== "Escape" && !isErasing) return;
    event.preventDefault();
    event.stopPropagation();
    this.#leave();
  }

  /** @param {import("./discord.js").Option} option @param {HTMLElement} chips @returns {Field} */
  #field(option, chips) {
    const id = uniqueId("option");
    const isFile = option.type === OptionType.FILE;
    const input = /** @type {HTMLInputElement} */ (
      h("input", {
        id, class: "command-input", type: isFile ? "file" : "text", placeholder: HINTS[option.type] ?? "",
        "aria-required": String(Boolean(option.required)), "aria-description": option.description,
        inputmode: NUMBERS.has(option.type) ? "decimal" : null, maxlength: option.max_length ?? null, autocomplete: "off", spellcheck: "false",
      })
    );
    /** @type {Field} */
    const field = { option, input, chosen: null, picker: null };
    const label = h("label", { class: "command-label", for: id }, option.name, !option.required && h("span", { class: "unseen" }, " (optional)"));
    const chip = h("span", { class: option.required ? "command-chip" : "command-chip command-chip-optional" }, label, input);
    chips.append(chip);
    input.addEventListener("focus", () => this.#explain(option));
    input.addEventListener("input", () => {
      field.chosen = null;
      input.removeAttribute("aria-invalid");
    });
    if (option.choices?.length || option.autocomplete || isListed(option)) {
      input.setAttribute("role", "combobox");
      input.setAttribute("aria-expanded", "false");
      field.picker = new Picker(input, {
        label: option.name,
        find: () => this.#suggest(field),
        take: (suggestion) => {
          field.chosen = suggestion;
          input.value = suggestion.label;
          input.removeAttribute("aria-invalid");
        },
        place: chip,
        prefersFirst: Boolean(option.required),
      });
      input.addEventListener("focus", () => !field.chosen && field.picker?.refresh());
    }
    return field;
  }

  /** @param {import("./discord.js").Option} option */
  #explain(option) {
    this.#hint.classList.remove("command-problem");
    this.#hint.textContent = `${option.name}: ${option.description}${option.required ? "" : " (optional)"}`;
  }

  /** @param {Field} field @returns {Promise<import("./picker.js").Offer | null>} */
  async #suggest(field) {
    const { option, input } = field;
    if (field.chosen) return null;
    if (!option.autocomplete) return { heading: option.name, suggestions: fitting(listed(option, this.#state), input.value.replace(/^[@#]/, "")) };
    const typed = input.value;
    await new Promise((resolve) => setTimeout(resolve, COMPLETE_AFTER_MS));
    if (input.value !== typed || !input.isConnected) return null;
    const others = this.#fields.filter((one) => one !== field && one.input.value).map((one) => this.#filled(one).given);
    const choices = await this.#complete([...others, { name: option.name, value: typed, focused: true }]);
    const suggestions = choices.map(({ name, value }) => ({ label: name, value }));
    return { heading: suggestions.length ? option.name : "No suggestions", suggestions };
  }

  #trySend() {
    /** @type {Record<string, unknown>[]} */
    const options = [];
    /** @type {File[]} */
    const files = [];
    for (const field of this.#fields) {
      const { given, wrong } = this.#filled(field);
      if (wrong) {
        field.input.setAttribute("aria-invalid", "true");
        field.input.focus();
        this.#hint.classList.add("command-problem");
        this.#hint.textContent = wrong;
        return;
      }
      const file = field.input.files?.[0];
      if (file) {
        options.push({ ...given, value: files.length });
        files.push(file);
      } else if (given.value !== undefined) options.push(given);
    }
    this.#send(options, files);
  }

  /** @param {Field} field @returns {{given: {name: string, value?: unknown}, wrong: string | null}} */
  #filled({ option, input, chosen }) {
    const { name } = option;
    const text = input.value.trim();
    if (!text) return { given: { name }, wrong: option.required ? `${name} is needed: ${option.description}` : null };
    if (option.type === OptionType.FILE) return { given: { name }, wrong: null };
    if (chosen) return { given: { name, value: chosen.value }, wrong: null };
    if (option.choices?.length || isListed(option)) {
      const fits = listed(option, this.#state).find(({ label }) => label.toLowerCase().replace(/^[@#]/, "") === text.toLowerCase().replace(/^[@#]/, ""));
      return { given: { name, value: fits?.value }, wrong: fits ? null : `${name}: choose one from the list.` };
    }
    return NUMBERS.has(option.type) ? number(option, text) : words(option, text);
  }
}

/** @param {import("./discord.js").Option} option @param {string} text */
function number(option, text) {
  const { name, min_value: least = -Infinity, max_value: most = Infinity } = option;
  const value = Number(text.replace(",", "."));
  const isWrong = !Number.isFinite(value) || (option.type === OptionType.INTEGER && !Number.isInteger(value));
  if (isWrong) return { given: { name }, wrong: `${name} is ${HINTS[option.type]}.` };
  const wrong = value < least || value > most ? `${name} is from ${least} to ${most}.` : null;
  return { given: { name, value }, wrong };
}

/** @param {import("./discord.js").Option} option @param {string} text */
function words(option, text) {
  const { name, min_length: least = 0, max_length: most = 6000 } = option;
  const wrong = text.length < least || text.length > most ? `${name} has from ${least} to ${most} characters.` : null;
  return { given: { name, value: text }, wrong };
}

/** @param {import("./discord.js").Option} option @returns {boolean} whether its value is one of a list that the page knows */
function isListed({ type }) {
  return [OptionType.BOOLEAN, OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE].includes(type);
}

/** @param {import("./discord.js").Option} option @param {import("./state.js").State} state @returns {import("./picker.js").Suggestion[]} */
function listed(option, state) {
  if (option.choices?.length) return option.choices.map(({ name, value }) => ({ label: name, value }));
  switch (option.type) {
    case OptionType.BOOLEAN:
      return [{ label: "True", value: true }, { label: "False", value: false }];
    case OptionType.USER:
      return entities.people(state);
    case OptionType.CHANNEL:
      return entities.channels(state, option.channel_types ?? [ChannelType.TEXT, ChannelType.NEWS, ChannelType.PUBLIC_THREAD]);
    case OptionType.ROLE:
      return entities.roles(state);
    default:
      return [...entities.people(state), ...entities.roles(state)];
  }
}
