/**
 * The messages of the channel that is looked at. At most some hundreds are rows of the document, however long the channel
 * is: older ones are drawn when somebody scrolls to them, and rows far away are let go.
 */

import { h } from "./element.js";
import { icon } from "./icons.js";
import { fillMessage, lookOf, messageNode } from "./message.js";

const FIRST_ROWS = 60;
const MORE_ROWS = 50;
const MOST_ROWS = 240;
const NEAR_PX = 400;
const AT_END_PX = 60;
const MOST_PAGES_BACK = 20;

/** @typedef {{node: HTMLElement, look: import("./message.js").Look}} Row */

export class MessageList {
  #around;
  #api;
  #toasts;
  #scroller;
  #list = h("ol", { class: "messages", "aria-label": "Messages" });
  #beginning = h("div", { class: "beginning" });
  #toPresent;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #channelId = "";
  /** @type {string | null} */
  #personId = null;
  #size = FIRST_ROWS;
  /** The last message that is drawn; null: the newest. @type {string | null} */
  #end = null;
  #isAtEnd = true;
  #isFetching = false;
  /** @type {string | null} */
  #firstNew = null;
  /** @type {string | null} */
  #edited = null;

  /**
   * @param {import("./message.js").Around} around
   * @param {import("./api.js").Api} api
   * @param {import("./toast.js").Toasts} toasts
   */
  constructor(around, api, toasts) {
    this.#around = around;
    this.#api = api;
    this.#toasts = toasts;
    this.#scroller = h("div", { class: "scroller", tabindex: "-1" }, this.#beginning, this.#list);
    this.#toPresent = h("button", { class: "to-present", type: "button", hidden: true, on: { click: () => this.toEnd() } },
      "Jump to the newest messages", icon("down"));
    this.node = h("div", { class: "messages-frame" }, this.#scroller, this.#toPresent);
    this.#scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    new ResizeObserver(() => this.#isAtEnd && this.#scrollToEnd()).observe(this.#list);
    new ResizeObserver(() => this.#isAtEnd && this.#scrollToEnd()).observe(this.#scroller);
    const { state, actions } = around;
    state.on("everything", () => this.#showChannel());
    state.on("place", () => this.#showChannel());
    state.on("members", () => this.#redrawAll());
    state.on("channels", () => this.#redrawAll());
    state.on("message", (change) => this.#onChange(change));
    actions.addEventListener("row", (event) => this.#redraw(/** @type {CustomEvent} */ (event).detail));
    actions.addEventListener("edit", (event) => this.#edit(/** @type {CustomEvent} */ (event).detail));
    actions.addEventListener("reveal", (event) => this.reveal(/** @type {CustomEvent} */ (event).detail));
    this.#list.addEventListener("keydown", (event) => this.#steer(event));
    actions.attachTo(this.#list, (id) => this.#timeline.get(id));
  }

  get #timeline() {
    return this.#around.state.timeline;
  }

  /** Go to the newest message. */
  toEnd() {
    this.#end = null;
    this.#size = FIRST_ROWS;
    this.#isAtEnd = true;
    this.#reconcile();
    this.#scrollToEnd();
  }

  /** Put the focus on the newest message. */
  focusLast() {
    /** @type {HTMLElement | null} */ (this.#list.lastElementChild)?.focus();
  }

  /** Show a message and point at it, fetching older ones as far as needed. @param {string} id */
  async reveal(id) {
    for (let page = 0; page < MOST_PAGES_BACK && this.#timeline.indexOf(id) < 0 && this.#timeline.hasOlder; page += 1) {
      if (!(await this.#fetchOlder())) break;
    }
    const at = this.#timeline.indexOf(id);
    if (at < 0) return this.#toasts.error("That message is not there any more.");
    const { messages } = this.#timeline;
    const last = Math.min(messages.length - 1, at + MORE_ROWS);
    this.#end = last === messages.length - 1 ? null : messages[last].id;
    this.#size = MORE_ROWS * 2;
    this.#isAtEnd = false;
    this.#reconcile();
    const row = this.#rows.get(id)?.node;
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
    row?.classList.add("message-found");
    setTimeout(() => row?.classList.remove("message-found"), 2500);
    return undefined;
  }

  #showChannel() {
    const { state } = this.#around;
    const isSamePlace = state.channelId === this.#channelId && state.me?.user.id === this.#personId;
    this.#channelId = state.channelId ?? "";
    this.#personId = state.me?.user.id ?? null;
    this.#edited = null;
    if (isSamePlace) return this.#keepPlace(() => this.#redrawAll());
    this.#firstNew = state.firstUnread(this.#channelId);
    this.#rows.clear();
    this.#list.replaceChildren();
    this.toEnd();
    return undefined;
  }

  /** @returns {[number, number]} which of the messages are drawn */
  #range() {
    const { messages } = this.#timeline;
    const known = this.#end === null ? -1 : this.#timeline.indexOf(this.#end);
    const end = known < 0 ? messages.length : known + 1;
    return [Math.max(0, end - this.#size), end];
  }

  #reconcile() {
    const { messages, hasOlder } = this.#timeline;
    const [start, end] = this.#range();
    const kept = new Set();
    let next = this.#list.firstElementChild;
    for (let index = start; index < end; index += 1) {
      const message = messages[index];
      const look = lookOf(message, messages[index - 1], this.#firstNew);
      let row = this.#rows.get(message.id);
      if (row === undefined) {
        row = { node: messageNode(message, look, this.#around), look };
        this.#rows.set(message.id, row);
      } else if (!isSameLook(row.look, look)) {
        row.look = look;
        if (message.id !== this.#edited) fillMessage(row.node, message, look, this.#around);
      }
      kept.add(message.id);
      if (row.node === next) next = next.nextElementSibling;
      else this.#list.insertBefore(row.node, next);
    }
    for (const [id, row] of this.#rows) {
      if (kept.has(id)) continue;
      row.node.remove();
      this.#rows.delete(id);
    }
    this.#drawBeginning(start === 0 && !hasOlder);
    this.#toPresent.hidden = this.#end === null && this.#isAtEnd;
  }

  /** @param {boolean} isWhole whether the first message is drawn */
  #drawBeginning(isWhole) {
    const { state } = this.#around;
    const channel = state.channel;
    this.#beginning.hidden = !isWhole;
    if (!isWhole || channel === undefined) return;
    const isDm = channel.type === 1;
    const name = state.channelName(channel);
    this.#beginning.replaceChildren(
      h("div", { class: "beginning-mark" }, icon(isDm ? "at" : channel.type > 9 ? "thread" : "hash")),
      h("h2", {}, isDm ? name : `Welcome to #${name}!`),
      h("p", {}, isDm ? `This is the beginning of your talk with ${name}. What you say here is answered and never learnt.`
        : `This is the beginning of #${name}. ${channel.topic ?? ""}`),
    );
  }

  /** @param {{channelId: string, id: string, kind: string}} change */
  #onChange({ channelId, id, kind }) {
    if (channelId !== this.#channelId) return;
    if (kind === "changed") return this.#redraw(id);
    if (kind === "new" && this.#end === null) {
      if (this.#size < MOST_ROWS || !this.#isAtEnd) this.#size += 1;
      if (this.#size > MOST_ROWS * 2) this.#end = this.#timeline.messages.at(-2)?.id ?? null;
    }
    if (kind === "gone" && id === this.#end) this.#end = this.#timeline.messages.at(-1)?.id ?? null;
    this.#keepPlace(() => this.#reconcile());
    return undefined;
  }

  /** Draw a row anew; the focus stays on the same button. @param {string} id */
  #redraw(id) {
    const row = this.#rows.get(id);
    const message = this.#timeline.get(id);
    if (row === undefined || message === undefined || id === this.#edited) return;
    const focused = /** @type {HTMLElement | null} */ (row.node.contains(document.activeElement) ? document.activeElement : null);
    const customId = focused?.dataset.customId;
    this.#keepPlace(() => fillMessage(row.node, message, row.look, this.#around));
    if (focused === null || focused === row.node) return;
    const again = customId && [...row.node.querySelectorAll("[data-custom-id]")].find((one) => one.dataset.customId === customId);
    (again instanceof HTMLElement ? again : row.node).focus({ preventScroll: true });
  }

  #redrawAll() {
    for (const [id, row] of this.#rows) {
      const message = this.#timeline.get(id);
      if (message !== undefined && id !== this.#edited) fillMessage(row.node, message, row.look, this.#around);
    }
    this.#reconcile();
  }

  /** Change the rows while what is in sight stays where it is. @param {() => void} change */
  #keepPlace(change) {
    if (this.#isAtEnd) {
      change();
      this.#scrollToEnd();
      return;
    }
    const top = this.#scroller.getBoundingClientRect().top;
    const anchor = [...this.#list.children].find((row) => row.getBoundingClientRect().bottom > top);
    const before = anchor?.getBoundingClientRect().top ?? 0;
    change();
    if (anchor?.isConnected) this.#scroller.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  #scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  async #onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const below = scrollHeight - scrollTop - clientHeight;
    this.#isAtEnd = below < AT_END_PX && this.#end === null;
    this.#toPresent.hidden = this.#isAtEnd || (this.#end === null && below < clientHeight);
    if (scrollTop < NEAR_PX) await this.#showOlder();
    else if (below < NEAR_PX && this.#end !== null) this.#showNewer();
  }

  async #showOlder() {
    if (this.#range()[0] === 0 && !(await this.#fetchOlder())) return;
    const [start, end] = this.#range();
    if (start === 0) return;
    if (this.#size + MORE_ROWS > MOST_ROWS) {
      this.#end = this.#timeline.messages[end - 1 - MORE_ROWS]?.id ?? this.#end;
    } else this.#size += MORE_ROWS;
    this.#keepPlace(() => this.#reconcile());
  }

  #showNewer() {
    const { messages } = this.#timeline;
    const last = this.#range()[1] - 1 + MORE_ROWS;
    this.#end = last >= messages.length - 1 ? null : messages[last].id;
    this.#size = Math.min(this.#size + MORE_ROWS, MOST_ROWS);
    this.#keepPlace(() => this.#reconcile());
  }

  /** @returns {Promise<boolean>} whether older ones came */
  async #fetchOlder() {
    const channelId = this.#channelId;
    const first = this.#timeline.messages[0];
    if (this.#isFetching || !this.#timeline.hasOlder || first === undefined) return false;
    this.#isFetching = true;
    try {
      const older = await this.#api.olderMessages(channelId, first.id);
      this.#around.state.takeInOlder(channelId, older);
      if (channelId === this.#channelId && !older.length) this.#reconcile();
      return older.length > 0;
    } catch (error) {
      this.#toasts.error(error);
      return false;
    } finally {
      this.#isFetching = false;
    }
  }

  /** Edit a message in its place. @param {string} id */
  #edit(id) {
    const row = this.#rows.get(id);
    const message = this.#timeline.get(id);
    if (row === undefined || message === undefined) return;
    const body = row.node.querySelector(".message-body");
    this.#edited = id;
    const end = () => {
      this.#edited = null;
      this.#redraw(id);
      this.#around.actions.editEnded();
    };
    body?.replaceChildren(this.#around.actions.editor(message, end));
    row.node.querySelector("textarea")?.focus();
    row.node.scrollIntoView({ block: "nearest" });
  }

  /** Arrows go from message to message. @param {KeyboardEvent} event */
  #steer(event) {
    const row = /** @type {Element | null} */ (event.target)?.closest(".message");
    if (row !== event.target || !(row instanceof HTMLElement)) return;
    const target = {
      ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling,
      Home: this.#list.firstElementChild, End: this.#list.lastElementChild,
    }[event.key];
    if (!(target instanceof HTMLElement)) return;
    event.preventDefault();
    target.focus();
    target.scrollIntoView({ block: "nearest" });
  }
}

/** @param {import("./message.js").Look} one @param {import("./message.js").Look} other @returns {boolean} */
function isSameLook(one, other) {
  return one.isGrouped === other.isGrouped && one.beginsDay === other.beginsDay && one.beginsNew === other.beginsNew;
}
