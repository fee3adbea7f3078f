/** A message's components: buttons, selects, and the newer containers, sections, texts, galleries and separators. */

import { picture } from "./attachment.js";
import { media } from "./embed.js";
import { cssColour, ownAddress } from "./discord.js";
import { h } from "./element.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { selectNode } from "./select.js";

export const ComponentType = Object.freeze({
  ROW: 1, BUTTON: 2, STRING_SELECT: 3, TEXT_INPUT: 4, USER_SELECT: 5, ROLE_SELECT: 6, MENTIONABLE_SELECT: 7, CHANNEL_SELECT: 8,
  SECTION: 9, TEXT: 10, THUMBNAIL: 11, GALLERY: 12, FILE: 13, SEPARATOR: 14, CONTAINER: 17, LABEL: 18, FILE_UPLOAD: 19,
  RADIO_GROUP: 21, CHECKBOX_GROUP: 22, CHECKBOX: 23,
});
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "secondary" };
const LINK = 5;

/**
 * @typedef {object} Surroundings
 * @property {import("./state.js").State} state
 * @property {import("./markdown.js").Names} names
 * @property {import("./discord.js").Message} message
 * @property {(component: import("./discord.js").Component, values: string[] | null) => void} press
 * @property {(customId: string) => boolean} isPressed whether the bot is being asked because of it
 */

/** @param {import("./discord.js").Component[]} components @param {Surroundings} around @returns {HTMLElement | null} */
export function componentList(components, around) {
  if (!components.length) return null;
  return h("div", { class: "components" }, components.map((component) => componentNode(component, around)));
}

/** @param {import("./discord.js").Component} component @param {Surroundings} around @returns {Node | null} */
function componentNode(component, around) {
  const inner = () => (component.components ?? []).map((child) => componentNode(child, around));
  switch (component.type) {
    case ComponentType.ROW:
      return h("div", { class: "action-row" }, inner());
    case ComponentType.BUTTON:
      return button(component, around);
    case ComponentType.STRING_SELECT:
    case ComponentType.USER_SELECT:
    case ComponentType.ROLE_SELECT:
    case ComponentType.MENTIONABLE_SELECT:
    case ComponentType.CHANNEL_SELECT:
      return selectNode(component, around.state, { choose: (values) => around.press(component, values) });
    case ComponentType.CONTAINER:
      return container(component, inner());
    case ComponentType.SECTION:
      return h(
        "div",
        { class: "section" },
        h("div", { class: "section-words" }, inner()),
        component.accessory && componentNode(component.accessory, around),
      );
    case ComponentType.TEXT:
      return markdown(component.content ?? "", around.names);
    case ComponentType.THUMBNAIL:
      return h("div", { class: "thumbnail" }, media({ ...component.media, description: component.description }, "thumbnail", around.message.attachments));
    case ComponentType.GALLERY:
      return h(
        "div",
        { class: "gallery" },
        (component.items ?? []).map((item) =>
          media({ ...item.media, description: item.description }, "image", around.message.attachments)),
      );
    case ComponentType.FILE:
      return file(component, around.message.attachments);
    case ComponentType.SEPARATOR:
      return h("div", {
        class: `separator separator-${component.spacing === 2 ? "large" : "small"}`,
        role: component.divider === false ? "presentation" : "separator",
      });
    default:
      return h("p", { class: "component-unknown" }, "This part of the message cannot be shown here.");
  }
}

/** @param {import("./discord.js").Component} component @param {Surroundings} around @returns {HTMLElement} */
function button(component, around) {
  const label = component.label ?? "";
  const emoji = component.emoji && h("span", { class: "button-emoji" }, component.emoji.name);
  if (component.style === LINK && /^https?:\/\//i.test(component.url ?? "")) {
    const attributes = { class: "button button-link", href: component.url, target: "_blank", rel: "noopener noreferrer nofollow" };
    return h("a", attributes, emoji, label, icon("link"));
  }
  const isPressed = around.isPressed(component.custom_id);
  return h(
    "button",
    {
      class: `button button-${STYLES[component.style] ?? "secondary"}`,
      type: "button",
      disabled: Boolean(component.disabled) || component.style === LINK,
      "aria-busy": isPressed ? "true" : null,
      data: { customId: component.custom_id ?? "" },
      on: { click: () => !around.isPressed(component.custom_id) && around.press(component, null) },
    },
    emoji,
    label,
  );
}

/** @param {import("./discord.js").Component} component @param {(Node | null)[]} children @returns {HTMLElement} */
function container(component, children) {
  const style = component.accent_color ? { "border-left-color": cssColour(component.accent_color) } : {};
  const node = h("div", { class: "container", style }, children);
  if (!component.spoiler) return node;
  const open = h("button", { class: "button button-secondary", type: "button" }, "Spoiler: press to reveal");
  open.addEventListener("click", () => open.replaceWith(node));
  return open;
}

/** @param {import("./discord.js").Component} component @param {import("./discord.js").Attachment[]} attachments */
function file(component, attachments) {
  const name = component.name ?? String(component.file?.url ?? "").replace("attachment://", "");
  const address = ownAddress(attachments.find(({ filename }) => filename === name)?.url ?? component.file?.url);
  if (address && /\.(png|jpe?g|gif|webp)$/i.test(name)) return picture(address, name);
  return h(address ? "a" : "div", { class: "file", href: address, download: address ? name : null }, icon("file"), name);
}

/** @param {import("./discord.js").Component[]} components @returns {import("./discord.js").Component[]} also those inside others */
export function everyComponent(components) {
  return components.flatMap((component) => [
    component,
    ...everyComponent(component.components ?? []),
    ...(component.accessory ? [component.accessory] : []),
  ]);
}
