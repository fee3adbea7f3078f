/** Emoji to react with and to complete by name. A short list that people use; the keyboard of the system has the others. */

import { h } from "./element.js";
import { onPressElsewhere, showBeside } from "./popup.js";

const EMOJI = [
  ["👍", "thumbs up"], ["👎", "thumbs down"], ["❤️", "heart"], ["😂", "joy"], ["🎉", "party"], ["😮", "open mouth"],
  ["😢", "cry"], ["🙏", "pray"], ["👀", "eyes"], ["🔥", "fire"], ["✅", "check mark"], ["❌", "cross"], ["🤔", "thinking"],
  ["😄", "smile"], ["😊", "blush"], ["😉", "wink"], ["😍", "heart eyes"], ["😎", "sunglasses"], ["🙃", "upside down"],
  ["😴", "sleeping"], ["😡", "angry"], ["🤖", "robot"], ["🐦", "bird"], ["🍞", "bread"], ["♟️", "chess"], ["🎲", "dice"],
  ["☕", "coffee"], ["🍪", "cookie"], ["🌙", "moon"], ["⭐", "star"], ["💚", "green heart"], ["💡", "idea"], ["📌", "pin"],
  ["👋", "wave"], ["👏", "clap"], ["💯", "hundred"],
];
const QUICK = 3;

/** @returns {string[]} those for one press */
export function quickEmoji() {
  return EMOJI.slice(0, QUICK).map(([emoji]) => emoji);
}

/** @returns {import("./picker.js").Suggestion[]} */
export function emojiByName() {
  return EMOJI.map(([emoji, name]) => ({
    label: `:${name.replaceAll(" ", "_")}:`, picture: h("span", { class: "select-emoji" }, emoji), value: emoji,
  }));
}

/** Choose an emoji from a grid. @param {Element} anchor @param {(emoji: string) => void} choose */
export function openEmojiGrid(anchor, choose) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const close = () => {
    stopWaiting();
    grid.remove();
    before?.focus();
  };
  const buttons = EMOJI.map(([emoji, name]) =>
    h(
      "button",
      { class: "emoji-choice", type: "button", title: name, "aria-label": name, on: { click: () => (close(), choose(emoji)) } },
      emoji,
    ));
  const grid = h("div", { class: "emoji-grid", role: "dialog", popover: "manual", "aria-label": "Choose an emoji" }, buttons);
  grid.addEventListener("keydown", (event) => {
    const columns = 6;
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step !== undefined) buttons[at + step]?.focus();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(grid);
  const stopWaiting = onPressElsewhere([grid], close);
  showBeside(grid, anchor, "above");
  buttons[0].focus();
}
