/** Says new messages to screen readers: once each, when they have stopped growing, and only those of the channel looked at. */

import { Flag } from "./discord.js";
import { h } from "./element.js";
import { plainText } from "./markdown.js";

const STEADY_MS = 1200;
const MOST_CHARACTERS = 400;
const MOST_KEPT = 20;

export class Announcer {
  #place;
  #state;
  #names;
  /** @type {Map<string, number>} */
  #timers = new Map();
  /** @type {string | undefined} */
  #personId;

  /** @param {HTMLElement} place @param {import("./state.js").State} state @param {import("./markdown.js").Names} names */
  constructor(place, state, names) {
    this.#place = place;
    this.#state = state;
    this.#names = names;
    state.on("everything", () => this.#forgetOthers());
    state.on("message", (change) => this.#onChange(change));
    state.on("place", () => this.#say(`#${state.channel ? state.channelName(state.channel) : ""}`));
  }

  /** What was said to somebody else is not left to be read. */
  #forgetOthers() {
    if (this.#personId === this.#state.me?.user.id) return;
    this.#personId = this.#state.me?.user.id;
    this.#place.replaceChildren();
  }

  /** @param {{channelId: string, id: string, kind: string}} change */
  #onChange({ channelId, id, kind }) {
    const isGrowing = this.#timers.has(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    if (kind === "gone" || channelId !== this.#state.channelId || (kind === "changed" && !isGrowing)) return;
    this.#timers.set(id, setTimeout(() => {
      this.#timers.delete(id);
      this.#announce(id);
    }, STEADY_MS));
  }

  /** @param {string} id */
  #announce(id) {
    const message = this.#state.timeline.get(id);
    if (message === undefined || message.author.id === this.#state.me?.user.id) return;
    const name = this.#state.nameOf(message.author);
    if (message.flags & Flag.THINKING) return this.#say(`${name} is thinking`);
    const title = message.embeds[0]?.title ?? "";
    const words = [plainText(message.content, this.#names), title].filter(Boolean).join(". ");
    const said = words.slice(0, MOST_CHARACTERS) || "a card or a file";
    return this.#say(`${name}${message.flags & Flag.EPHEMERAL ? ", only to you" : ""}: ${said}`);
  }

  /** @param {string} text */
  #say(text) {
    this.#place.append(h("p", {}, text));
    while (this.#place.children.length > MOST_KEPT) this.#place.firstElementChild?.remove();
  }
}
