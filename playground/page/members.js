/** Who is in the server, by role, and whether they are there. */

import { avatar } from "./avatar.js";
import { cssColour } from "./discord.js";
import { h, unseen } from "./element.js";

const MOST_SHOWN = 100;

export class Members {
  #isDue = false;
  #place;
  #state;
  #actions;

  /**
   * @param {HTMLElement} place
   * @param {import("./state.js").State} state
   * @param {import("./message_actions.js").MessageActions} actions
   */
  constructor(place, state, actions) {
    this.#place = place;
    this.#state = state;
    this.#actions = actions;
    for (const topic of ["everything", "members", "bot"]) state.on(topic, () => this.#drawSoon());
  }

  /** Many changes at once are drawn once. */
  #drawSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    const groups = this.#groups();
    this.#place.replaceChildren(
      h("h2", { class: "unseen" }, "Members"),
      ...groups.map(({ name, members }) =>
        h("section", { class: "member-group" },
          h("h3", { class: "side-heading" }, `${name} — ${members.length}`),
          h("ul", {}, members.slice(0, MOST_SHOWN).map((member) => this.#row(member))),
          members.length > MOST_SHOWN && h("p", { class: "panel-empty" }, `and ${members.length - MOST_SHOWN} more`))),
    );
  }

  /** @returns {{name: string, members: import("./discord.js").Member[]}[]} */
  #groups() {
    const state = this.#state;
    const hoisted = [...state.roles.values()].filter((role) => role.hoist).sort((one, other) => other.position - one.position);
    /** @type {Map<string, import("./discord.js").Member[]>} */
    const found = new Map([...hoisted.map((role) => [role.id, []]), ["bot", []], ["online", []], ["offline", []]]);
    const byName = [...state.members.values()].sort((one, other) => state.nameOf(one.user).localeCompare(state.nameOf(other.user)));
    for (const member of byName) {
      const role = state.rolesOf(member.user.id).find(({ hoist }) => hoist);
      const group = !this.#isOnline(member) ? "offline" : member.user.bot ? "bot" : role?.id ?? "online";
      found.get(group)?.push(member);
    }
    const names = { bot: "Bot", online: "Online", offline: "Offline" };
    return [...found]
      .filter(([, members]) => members.length)
      .map(([id, members]) => ({ name: names[id] ?? state.roles.get(id)?.name ?? "Members", members }));
  }

  /** @param {import("./discord.js").Member} member @returns {boolean} whoever can be acted as is there; the bot, when connected */
  #isOnline({ user }) {
    if (user.bot) return user.id === this.#state.application.user.id && this.#state.bot.connected;
    return this.#state.people.some((person) => person.user.id === user.id);
  }

  /** @param {import("./discord.js").Member} member @returns {HTMLElement} */
  #row(member) {
    const { user } = member;
    const name = this.#state.nameOf(user);
    const isOnline = this.#isOnline(member);
    const isMe = user.id === this.#state.me?.user.id;
    const colour = cssColour(this.#state.colourOf(user.id));
    const person = this.#state.people.find((one) => one.user.id === user.id);
    const open = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#actions.openPersonMenu(user.id, /** @type {Element} */ (event.currentTarget));
    };
    return h(
      "li",
      {},
      h(
        "button",
        { class: isOnline ? "member" : "member member-away", type: "button", "aria-haspopup": "menu", on: { click: open, contextmenu: open } },
        h("span", { class: "avatar-frame" }, avatar(user, name), h("i", { class: isOnline ? "dot dot-online" : "dot" })),
        h("span", { class: "member-words" },
          h("span", { class: "member-name", style: colour ? { color: `color-mix(in oklab, ${colour} 70%, var(--text-strong))` } : {} }, name,
            user.bot && h("span", { class: "bot-tag" }, "BOT"), isMe && h("span", { class: "you-tag" }, "you")),
          person?.about && h("span", { class: "member-about" }, person.about)),
        unseen(isOnline ? ", online" : ", offline"),
      ),
    );
  }
}
