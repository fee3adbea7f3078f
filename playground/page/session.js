/** Who acts: loads what they see, listens to what happens for them, and changes places with somebody else. */

import { Refused } from "./api.js";
import { EventSocket } from "./socket.js";

const REMEMBERED = "mynah.person";
const ASK_AFTER_MS = 500;

export class Session extends EventTarget {
  #api;
  #state;
  #toasts;
  /** @type {EventSocket | null} */
  #socket = null;
  /** What came while the state was fetched anew; null while it is not. @type {{n: number, t: string, d: any}[] | null} */
  #held = null;
  #mustReloadAgain = false;
  #asking = 0;
  isOpen = false;

  /** @param {import("./api.js").Api} api @param {import("./state.js").State} state @param {import("./toast.js").Toasts} toasts */
  constructor(api, state, toasts) {
    super();
    this.#api = api;
    this.#state = state;
    this.#toasts = toasts;
    state.on("event", ({ t }) => {
      if (t === "GUILD_MEMBER_ADD" || t === "GUILD_MEMBER_REMOVE") this.#askWhoIsThere();
    });
  }

  /** Whoever came or left may be somebody to act as; many at once are asked about once. */
  #askWhoIsThere() {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(async () => {
      const answer = await this.#api.state(null).catch(() => null); // the next one who comes is asked about again
      if (answer) this.#state.setPeople(answer.people);
    }, ASK_AFTER_MS);
  }

  /** Begin as whoever acted last time, or as the first that is offered. */
  async begin() {
    const { people } = await this.#api.state(null);
    const remembered = people.find(({ user }) => user.id === localStorage.getItem(REMEMBERED));
    await this.actAs((remembered ?? people[0]).user.id);
  }

  /** Become somebody else, in the same channel if they may see it. @param {string} personId */
  async actAs(personId) {
    const answer = await this.#api.state(personId);
    this.#api.personId = personId;
    localStorage.setItem(REMEMBERED, personId);
    this.#socket?.close();
    this.#state.load(answer);
    this.#socket = new EventSocket({
      after: answer.event,
      address: (after) => this.#api.eventsAddress(personId, after),
      onEvent: (event) => this.#hear(event),
      onStatus: (isOpen) => this.#changeStatus(isOpen),
    });
    this.dispatchEvent(new Event("person"));
  }

  /** @param {{n: number, t: string, d: any}} event */
  #hear(event) {
    if (event.t === "PLAY_RELOAD") this.#reload();
    else if (this.#held) this.#held.push(event);
    else this.#state.apply(event);
  }

  async #reload() {
    if (this.#held) {
      this.#mustReloadAgain = true;
      return;
    }
    const personId = this.#api.personId;
    this.#held = [];
    try {
      do {
        this.#mustReloadAgain = false;
        const answer = await this.#api.state(personId);
        if (personId === this.#api.personId) this.#state.load(answer);
      } while (this.#mustReloadAgain);
    } catch (error) {
      this.#toasts.error(error);
    }
    const held = this.#held;
    this.#held = null;
    if (personId === this.#api.personId) held.forEach((event) => this.#state.apply(event));
  }

  /** @param {boolean} isOpen */
  async #changeStatus(isOpen) {
    const wasOpen = this.isOpen;
    this.isOpen = isOpen;
    this.dispatchEvent(new Event("status"));
    if (isOpen || !wasOpen) return;
    try {
      await this.#api.state(null);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.#toasts.error(error);
    }
  }
}
