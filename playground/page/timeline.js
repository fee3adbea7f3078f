/** The messages of one channel that are known here, oldest first. Knows no screen and no server. */

import { compareIds } from "./discord.js";

export class Timeline {
  /** @type {import("./discord.js").Message[]} */
  messages = [];
  /** Whether the server may have older ones. */
  hasOlder;

  /** @param {import("./discord.js").Message[]} messages oldest first @param {boolean} hasOlder */
  constructor(messages, hasOlder) {
    this.messages = messages;
    this.hasOlder = hasOlder;
  }

  /** @returns {string | undefined} the newest message's id */
  get newestId() {
    return this.messages.at(-1)?.id;
  }

  /** @param {string} id @returns {import("./discord.js").Message | undefined} */
  get(id) {
    return this.messages[this.indexOf(id)];
  }

  /** @param {string} id @returns {number} -1: not here */
  indexOf(id) {
    const index = this.#place(id);
    return this.messages[index]?.id === id ? index : -1;
  }

  /**
   * Take a message in, in place of the one with its id if it is known.
   * @param {import("./discord.js").Message} message
   * @returns {"new" | "changed" | "unseen"} unseen: older than what is loaded, so it is left for later
   */
  put(message) {
    const index = this.#place(message.id);
    if (this.messages[index]?.id === message.id) {
      this.messages[index] = message;
      return "changed";
    }
    if (index === 0 && this.hasOlder && this.messages.length) return "unseen";
    this.messages.splice(index, 0, message);
    return "new";
  }

  /** @param {string} id @returns {boolean} whether it was here */
  remove(id) {
    const index = this.indexOf(id);
    if (index >= 0) this.messages.splice(index, 1);
    return index >= 0;
  }

  /** Let go of the oldest; they can be asked for again. @param {number} most that are kept */
  trim(most) {
    if (this.messages.length <= most) return;
    this.messages = this.messages.slice(-most);
    this.hasOlder = true;
  }

  /** @param {import("./discord.js").Message[]} older oldest first @param {boolean} hasOlder */
  prepend(older, hasOlder) {
    const first = this.messages[0]?.id;
    const fresh = first === undefined ? older : older.filter((message) => compareIds(message.id, first) < 0);
    this.messages = [...fresh, ...this.messages];
    this.hasOlder = hasOlder;
  }

  /** @param {string} id @returns {number} where it is, or where it would stand */
  #place(id) {
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareIds(this.messages[middle].id, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
