/** Keys that work everywhere on the page. */

const REGIONS = ["#sidebar", "#chat .messages", "#composer, .command-form", "#members", "#panel", "#tour"];

/**
 * @param {import("./state.js").State} state
 * @param {import("./composer.js").Composer} composer
 * @param {import("./message_list.js").MessageList} list
 */
export function listenForKeys(state, composer, list) {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      moveChannel(state, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "F6") moveRegion(event.shiftKey ? -1 : 1, list);
    else if (event.key === "Escape") composer.focus();
    else if (isTyping(event)) {
      composer.focus();
      return; // the key itself goes into the field
    } else return;
    event.preventDefault();
  });
}

/** @param {import("./state.js").State} state @param {number} step */
function moveChannel(state, step) {
  const order = state.textChannels.flatMap((channel) => [channel, ...state.threadsOf(channel.id)]);
  if (state.dm) order.push(state.dm);
  const at = order.findIndex(({ id }) => id === state.channelId);
  const target = order[(at + step + order.length) % order.length];
  if (target) state.goTo(target.id);
}

/** @param {number} step @param {import("./message_list.js").MessageList} list */
function moveRegion(step, list) {
  const seen = REGIONS.filter((selector) => {
    const region = document.querySelector(selector);
    return region instanceof HTMLElement && region.checkVisibility({ visibilityProperty: true });
  });
  const at = seen.findIndex((selector) => document.querySelector(selector)?.contains(document.activeElement));
  const target = seen[(at + step + seen.length) % seen.length];
  if (target === "#chat .messages") return list.focusLast();
  const region = document.querySelector(target);
  const first = region?.matches("textarea, button") ? region : region?.querySelector("button, input, textarea, summary, [tabindex]");
  if (first instanceof HTMLElement) first.focus();
  return undefined;
}

/** @param {KeyboardEvent} event @returns {boolean} whether somebody begins to write while nothing has the focus */
function isTyping(event) {
  const isFree = document.activeElement === document.body || document.activeElement === null;
  return isFree && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
}
