/** Forms that the bot opens, and the page's own questions, as dialogs that hold the focus until they are closed. */

import { choicesOf, selectNode } from "./select.js";
import { ComponentType } from "./components.js";
import { h, uniqueId } from "./element.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";

const PARAGRAPH = 2;
const SELECTS = new Set([3, 5, 6, 7, 8]);

/**
 * @typedef {string | string[] | boolean | null} Value
 * @typedef {{node: HTMLElement, values: Map<string, () => Value>}} Filled
 */

/**
 * Show a form of the bot.
 * @param {Record<string, any>} form as INTERACTION_MODAL_CREATE has it
 * @param {object} around
 * @param {import("./state.js").State} around.state
 * @param {import("./markdown.js").Names} around.names
 * @param {(values: Record<string, Value>) => Promise<string | null>} around.send gives what went wrong, or null
 */
export function openForm(form, { state, names, send }) {
  /** @type {Map<string, () => Value>} */
  const values = new Map();
  const fields = form.components.map((component) => fieldNode(component, { state, names, values }));
  openDialog(form.title, fields, {
    act: "Submit",
    send: () => send(Object.fromEntries([...values].map(([name, read]) => [name, read()]))),
    note: "This form is the bot's. Never write passwords into it.",
  });
}

/**
 * Ask something.
 * @param {string} title
 * @param {string} label
 * @param {object} options
 * @param {string} options.act what the button says
 * @param {number} options.longest
 * @param {string} [options.value]
 * @param {(text: string) => Promise<string | null>} options.send
 */
export function askForWords(title, label, { act, longest, value = "", send }) {
  const id = uniqueId("words");
  const input = /** @type {HTMLInputElement} */ (h("input", { id, class: "field", type: "text", required: true, maxlength: longest, value }));
  openDialog(title, [h("label", { class: "field-label", for: id }, label), input], { act, send: () => send(input.value.trim()) });
}

/**
 * Ask whether something is meant.
 * @param {string} title
 * @param {Node[]} body
 * @param {object} options
 * @param {string} options.act
 * @param {() => Promise<string | null>} options.send
 */
export function askWhether(title, body, { act, send }) {
  openDialog(title, body, { act, send, isDanger: true });
}

/**
 * @param {string} title
 * @param {Node[]} body
 * @param {object} options
 * @param {string} options.act
 * @param {() => Promise<string | null>} options.send
 * @param {string} [options.note]
 * @param {boolean} [options.isDanger]
 */
function openDialog(title, body, { act, send, note, isDanger = false }) {
  const id = uniqueId("dialog");
  const problem = h("p", { class: "dialog-problem", role: "alert" });
  const cancel = h("button", { class: "button button-plain", type: "button" }, "Cancel");
  const submit = h("button", { class: `button button-${isDanger ? "danger" : "primary"}`, type: "submit" }, act);
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Close" }, icon("close"));
  const form = h(
    "form",
    { novalidate: false, autocomplete: "off" },
    h("header", { class: "dialog-head" }, h("h2", { id }, title), close),
    h("div", { class: "dialog-body" }, body, note && h("p", { class: "dialog-note" }, note), problem),
    h("footer", { class: "dialog-foot" }, cancel, submit),
  );
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: "dialog", "aria-labelledby": id }, form));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.toggleAttribute("disabled", true);
    const wrong = await send();
    submit.toggleAttribute("disabled", false);
    if (wrong === null) dialog.close();
    else problem.textContent = wrong;
  });
  for (const button of [cancel, close]) button.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) /** @type {HTMLFormElement} */ (form).requestSubmit();
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = /** @type {HTMLElement | null} */ (dialog.querySelector(".dialog-body :is(input, textarea, button)"));
  (first ?? submit).focus();
}

/**
 * @param {import("./discord.js").Component} component
 * @param {{state: import("./state.js").State, names: import("./markdown.js").Names, values: Map<string, () => Value>}} around
 * @returns {HTMLElement | null}
 */
function fieldNode(component, around) {
  if (component.type === ComponentType.ROW) {
    return h("div", {}, component.components.map((child) => labelled(child.label ?? "", "", child, around)));
  }
  if (component.type === ComponentType.LABEL) return labelled(component.label, component.description ?? "", component.component, around);
  if (component.type === ComponentType.TEXT) return markdown(component.content ?? "", around.names);
  return labelled(component.label ?? "", "", component, around);
}

/**
 * @param {string} label @param {string} description @param {import("./discord.js").Component} component
 * @param {Parameters<typeof fieldNode>[1]} around @returns {HTMLElement}
 */
function labelled(label, description, component, around) {
  const id = uniqueId("field");
  const isRequired = component.required ?? component.type !== ComponentType.CHECKBOX;
  const input = inputNode(component, id, isRequired, around);
  const isPlain = component.type === ComponentType.TEXT_INPUT || component.type === ComponentType.CHECKBOX;
  return h(
    "div",
    { class: "form-field" },
    h(
      isPlain ? "label" : "div",
      { class: "field-label", id: `${id}-label`, for: isPlain ? id : null },
      label,
      isRequired && h("span", { class: "field-required", title: "Required" }, " *"),
    ),
    description && h("p", { class: "field-description", id: `${id}-description` }, description),
    input,
  );
}

/**
 * @param {import("./discord.js").Component} component @param {string} id @param {boolean} isRequired
 * @param {Parameters<typeof fieldNode>[1]} around @returns {HTMLElement}
 */
function inputNode(component, id, isRequired, { state, values }) {
  const name = component.custom_id;
  if (component.type === ComponentType.TEXT_INPUT) {
    const isLong = component.style === PARAGRAPH;
    const input = /** @type {HTMLInputElement} */ (
      h(isLong ? "textarea" : "input", {
        id, class: "field", required: isRequired, placeholder: component.placeholder, value: component.value ?? "",
        minlength: component.min_length ?? null, maxlength: component.max_length ?? 4000,
        type: isLong ? null : "text", rows: isLong ? 4 : null, data: { name },
      })
    );
    values.set(name, () => input.value);
    return input;
  }
  if (component.type === ComponentType.CHECKBOX) {
    const input = /** @type {HTMLInputElement} */ (h("input", { id, type: "checkbox", checked: Boolean(component.default) }));
    values.set(name, () => input.checked);
    return input;
  }
  if (SELECTS.has(component.type)) {
    let chosen = choicesOf(component, state).filter(({ isDefault }) => isDefault).map(({ value }) => value);
    values.set(name, () => chosen);
    const choose = (/** @type {string[]} */ given) => (chosen = given);
    return selectNode(component, state, { choose, labelledBy: `${id}-label` });
  }
  if (component.type === ComponentType.RADIO_GROUP || component.type === ComponentType.CHECKBOX_GROUP) {
    return choiceGroup(component, id, values);
  }
  return h("p", { class: "field-description" }, "This kind of field cannot be filled in here.");
}

/**
 * @param {import("./discord.js").Component} component @param {string} id @param {Map<string, () => Value>} values
 * @returns {HTMLElement}
 */
function choiceGroup(component, id, values) {
  const isOne = component.type === ComponentType.RADIO_GROUP;
  const inputs = (component.options ?? []).map((option) =>
    /** @type {HTMLInputElement} */ (
      h("input", { type: isOne ? "radio" : "checkbox", name: id, value: option.value, checked: Boolean(option.default) })
    ));
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  values.set(component.custom_id, () => (isOne ? chosen()[0] ?? null : chosen()));
  return h(
    "div",
    { class: "choice-group", role: isOne ? "radiogroup" : "group", "aria-labelledby": `${id}-label` },
    inputs.map((input, index) =>
      h("label", { class: "choice" }, input, component.options[index].label,
        component.options[index].description && h("span", { class: "field-description" }, component.options[index].description))),
  );
}
