/** The server's channels, threads and direct talk, and at its foot who acts. */

import { avatar } from "./avatar.js";
import { h, unseen } from "./element.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";

const LABELS = { member: "Member", moderator: "Moderator", admin: "Admin", troll: "Troll" };

export class Sidebar {
  #isDue = false;
  #state;
  #actions;
  #title = h("h1", { class: "server-name" });
  #channels = h("nav", { class: "channels", "aria-label": "Channels" });
  #foot = h("div", { class: "you" });

  /**
   * @param {HTMLElement} place
   * @param {import("./state.js").State} state
   * @param {import("./message_actions.js").MessageActions} actions
   */
  constructor(place, state, actions) {
    this.#state = state;
    this.#actions = actions;
    place.append(h("header", { class: "side-head" }, this.#title), this.#channels, this.#foot);
    for (const topic of ["everything", "place", "channels", "unread"]) state.on(topic, () => this.#drawSoon());
    for (const topic of ["everything", "members"]) state.on(topic, () => this.#drawYou());
    this.#channels.addEventListener("keydown", (event) => this.#steer(event));
  }

  /** Many changes at once are drawn once. */
  #drawSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#drawChannels();
    });
  }

  #drawChannels() {
    const state = this.#state;
    this.#title.textContent = state.guild.name;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.channelId;
    const rows = state.textChannels.flatMap((channel) => [
      this.#row(channel, "hash"),
      ...state.threadsOf(channel.id).map((thread) => this.#row(thread, "thread")),
    ]);
    const { dm } = state;
    const openDm = h("button", { class: "channel", type: "button", on: { click: () => this.#actions.openDm() } }, icon("at"), h("span", { class: "channel-name" }, "Talk with Mynah alone"));
    this.#channels.replaceChildren(
      h("h2", { class: "side-heading" }, "Channels"),
      h("ul", {}, rows),
      h("h2", { class: "side-heading" }, "Direct messages"),
      h("ul", {}, dm ? this.#row(dm, "at") : h("li", {}, openDm)),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.#channels.querySelector(`[data-channel-id="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {import("./discord.js").Channel} channel @param {"hash" | "thread" | "at"} mark @returns {HTMLElement} */
  #row(channel, mark) {
    const state = this.#state;
    const isHere = channel.id === state.channelId;
    const unread = isHere ? { count: 0, mentions: 0 } : state.unread(channel.id);
    const look = ["channel", isHere && "channel-here", unread.count > 0 && "channel-unread", mark === "thread" && "channel-thread"];
    return h(
      "li",
      {},
      h(
        "button",
        {
          class: look.filter(Boolean).join(" "), type: "button", "aria-current": isHere ? "page" : null, title: channel.topic ?? null,
          data: { channelId: channel.id }, on: { click: () => state.goTo(channel.id) },
        },
        icon(mark),
        h("span", { class: "channel-name" }, state.channelName(channel)),
        unread.count > 0 && unseen(`, ${unread.count} unread`),
        unread.mentions > 0 && h("span", { class: "badge" }, unread.mentions, unseen(" mentions")),
      ),
    );
  }

  #drawYou() {
    const { me } = this.#state;
    if (me === null) return;
    const name = this.#state.nameOf(me.user);
    const switcher = h(
      "button",
      {
        class: "switcher", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", id: "switcher",
        "aria-label": `You act as ${name}, ${LABELS[me.label] ?? me.label}. Change who you are`,
        on: { click: (/** @type {Event} */ event) => openPeople(/** @type {Element} */ (event.currentTarget), this.#state, this.#actions) },
      },
      h("span", { class: "avatar-frame" }, avatar(me.user, name), h("i", { class: "dot dot-online" })),
      h("span", { class: "switcher-words" }, h("strong", {}, name), h("span", { class: `label label-${me.label}` }, LABELS[me.label] ?? me.label)),
      h("span", { class: "switcher-hint" }, icon("swap"), "Switch"),
    );
    this.#foot.replaceChildren(switcher);
  }

  /** Arrows go from channel to channel. @param {KeyboardEvent} event */
  #steer(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const rows = [...this.#channels.querySelectorAll("button")];
    const at = rows.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    rows[at + step]?.focus();
    event.preventDefault();
  }
}

/**
 * Choose whom to act as; who comes or leaves meanwhile is seen at once.
 * @param {Element} anchor
 * @param {import("./state.js").State} state
 * @param {import("./message_actions.js").MessageActions} actions
 */
export function openPeople(anchor, state, actions) {
  const entry = (/** @type {import("./discord.js").Person} */ person) => ({
    key: person.user.id,
    label: state.nameOf(person.user),
    detail: `${LABELS[person.label] ?? person.label}${person.about ? ` · ${person.about}` : ""}`,
    picture: avatar(person.user, state.nameOf(person.user)),
    isChosen: person.user.id === state.me?.user.id,
    act: () => actions.actAs(person.user.id),
  });
  const entries = () => [{ heading: "Act as" }, ...state.people.map(entry)];
  openMenu(entries, anchor, "Act as", (redraw) => {
    const stops = ["members", "everything"].map((topic) => state.on(topic, redraw));
    return () => stops.forEach((stop) => stop());
  });
}
