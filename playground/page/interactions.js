/** What is asked of the bot, each with a nonce, and what came of it. */

const NO_ANSWER = "The application did not respond.";
const GIVE_UP_MS = 15_000;
const ENDS = new Set([
  "INTERACTION_SUCCESS", "INTERACTION_FAILURE", "INTERACTION_MODAL_CREATE", "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE",
]);

/**
 * @typedef {object} Outcome
 * @property {"answered" | "silent" | "form" | "choices"} kind silent: the bot did not respond in time
 * @property {string} reason why, when it did not
 * @property {Record<string, any>} d of the event
 */

export class Interactions extends EventTarget {
  #api;
  /** @type {Map<string, (outcome: Outcome) => void>} */
  #waiting = new Map();
  #counted = 0;
  #prefix = Math.random().toString(36).slice(2, 10);

  /** @param {import("./api.js").Api} api @param {import("./state.js").State} state */
  constructor(api, state) {
    super();
    this.#api = api;
    state.on("event", (event) => this.#hear(event));
  }

  /**
   * Ask the bot.
   * @param {Record<string, any>} body as docs/playground.md has it, without the nonce
   * @param {string} name what it is, for those who follow along
   * @param {File[]} [files]
   * @returns {Promise<Outcome>} rejects when it was refused before the bot saw it
   */
  async ask(body, name, files = []) {
    this.#counted += 1;
    const nonce = `${this.#prefix}-${this.#counted}`;
    const outcome = new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ kind: "silent", reason: NO_ANSWER, d: {} }), GIVE_UP_MS);
      this.#waiting.set(nonce, (found) => {
        clearTimeout(timer);
        resolve(found);
      });
    });
    try {
      await this.#api.interact({ ...body, nonce }, files);
      const found = /** @type {Outcome} */ (await outcome);
      this.dispatchEvent(new CustomEvent("outcome", { detail: { body, name, outcome: found } }));
      return found;
    } finally {
      this.#waiting.delete(nonce);
    }
  }

  /** @param {{t: string, d: any}} event */
  #hear({ t, d }) {
    if (!ENDS.has(t)) return;
    const resolve = this.#waiting.get(d.nonce);
    if (resolve === undefined) return;
    if (t === "INTERACTION_SUCCESS") resolve({ kind: "answered", reason: "", d });
    else if (t === "INTERACTION_FAILURE") resolve({ kind: "silent", reason: NO_ANSWER, d });
    else if (t === "INTERACTION_MODAL_CREATE") resolve({ kind: "form", reason: "", d });
    else resolve({ kind: "choices", reason: "", d });
  }
}
