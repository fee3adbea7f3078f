/** Menus of things to do, at a place or beside a button, for mouse and keyboard. */

import { h } from "./element.js";
import { icon } from "./icons.js";
import { onPressElsewhere, showBeside } from "./popup.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {Parameters<typeof icon>[0]} [icon]
 * @property {Node} [picture] instead of an icon
 * @property {string} [detail]
 * @property {boolean} [isDanger]
 * @property {boolean} [isChosen] makes it one of several, of which this holds
 * @property {string} [key] by which it is known again when the menu is drawn anew
 * @property {() => void} act
 *
 * @typedef {Item | {heading: string} | "line"} Entry
 */

/** @type {(() => void) | null} */
let closeOpenOne = null;

/**
 * Open a menu; another one that is open closes.
 * @param {Entry[] | (() => Entry[])} entries
 * @param {Element | {x: number, y: number}} anchor
 * @param {string} label
 * @param {(redraw: () => void) => () => void} [follow] told how to ask for the entries anew while it is open; returns how to stop
 */
export function openMenu(entries, anchor, label, follow) {
  closeOpenOne?.();
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const opener = anchor instanceof Element && anchor.hasAttribute("aria-haspopup") ? anchor : null;
  const menu = h("div", { class: "menu", role: "menu", popover: "manual", "aria-label": label });
  const close = (/** @type {boolean} */ returnsFocus) => {
    stopWaiting();
    stopFollowing?.();
    closeOpenOne = null;
    opener?.setAttribute("aria-expanded", "false");
    menu.remove();
    if (returnsFocus) before?.focus();
  };
  const draw = () => {
    const all = typeof entries === "function" ? entries() : entries;
    menu.replaceChildren(...all.map((entry) => entryNode(entry, close)));
  };
  const redraw = () => {
    const all = items(menu);
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const key = all[at]?.dataset.key;
    draw();
    if (!(anchor instanceof Element) || anchor.isConnected) showBeside(menu, anchor, "below");
    const now = items(menu);
    if (at >= 0) (now.find((item) => key !== undefined && item.dataset.key === key) ?? now[Math.min(at, now.length - 1)])?.focus();
  };
  draw();
  menu.addEventListener("keydown", (event) => steer(event, menu, close));
  menu.addEventListener("contextmenu", (event) => event.preventDefault());
  document.body.append(menu);
  const stopWaiting = onPressElsewhere(anchor instanceof Element ? [menu, anchor] : [menu], () => close(false));
  const stopFollowing = follow?.(redraw);
  closeOpenOne = () => close(false);
  opener?.setAttribute("aria-expanded", "true");
  showBeside(menu, anchor, "below");
  items(menu)[0]?.focus();
}

/** @returns {boolean} whether a menu is open */
export function isMenuOpen() {
  return closeOpenOne !== null;
}

/** Close the menu that is open, if there is one. */
export function closeMenu() {
  closeOpenOne?.();
}

/** @param {Entry} entry @param {(returnsFocus: boolean) => void} close @returns {HTMLElement} */
function entryNode(entry, close) {
  if (entry === "line") return h("div", { class: "menu-line", role: "separator" });
  if ("heading" in entry) return h("div", { class: "menu-heading", role: "presentation" }, entry.heading);
  const isOneOfSeveral = entry.isChosen !== undefined;
  const act = () => {
    close(true);
    entry.act();
  };
  return h(
    "button",
    {
      class: entry.isDanger ? "menu-item menu-danger" : "menu-item",
      type: "button",
      role: isOneOfSeveral ? "menuitemcheckbox" : "menuitem",
      "aria-checked": isOneOfSeveral ? String(entry.isChosen) : null,
      tabindex: "-1",
      data: entry.key === undefined ? {} : { key: entry.key },
      on: { click: act },
    },
    entry.picture,
    h(
      "span",
      { class: "menu-words" },
      h("span", { class: "menu-label" }, entry.label),
      entry.detail && h("span", { class: "menu-detail" }, entry.detail),
    ),
    entry.isChosen ? icon("check") : entry.icon && icon(entry.icon),
  );
}

/** @param {HTMLElement} menu @returns {HTMLElement[]} */
function items(menu) {
  return [...menu.querySelectorAll(".menu-item")].map((item) => /** @type {HTMLElement} */ (item));
}

/** @param {KeyboardEvent} event @param {HTMLElement} menu @param {(returnsFocus: boolean) => void} close */
function steer(event, menu, close) {
  const all = items(menu);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const target = {
    ArrowDown: all[(at + 1) % all.length],
    ArrowUp: all[(at - 1 + all.length) % all.length],
    Home: all[0],
    End: all.at(-1),
  }[event.key];
  if (target) target.focus();
  else if (event.key === "Escape" || event.key === "Tab") close(true);
  else if (event.key.length === 1) {
    const letter = event.key.toLowerCase();
    [...all.slice(at + 1), ...all].find((item) => item.textContent?.toLowerCase().startsWith(letter))?.focus();
    if (letter !== " ") event.stopPropagation();
    return;
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
