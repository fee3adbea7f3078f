/** The line above the talk: where one is, whether everything is connected, and what can be opened. */

import { avatar } from "./avatar.js";
import { h } from "./element.js";
import { icon } from "./icons.js";
import { openPeople } from "./sidebar.js";
import { switchTheme, theme } from "./theme.js";

export class ChatHead {
  #state;
  #session;
  #layout;
  #name = h("h2", { class: "place-name" });
  #topic = h("p", { class: "place-topic" });
  #connection = h("p", { class: "connection", role: "status" });
  #you = h("button", { class: "head-you", type: "button", "aria-haspopup": "menu", "aria-expanded": "false" });
  #theme = h("button", { class: "icon-button", type: "button" });
  /** @type {[import("./layout.js").Column, HTMLElement][]} */
  #toggles;

  /**
   * @param {object} parts
   * @param {import("./state.js").State} parts.state
   * @param {import("./session.js").Session} parts.session
   * @param {import("./layout.js").Layout} parts.layout
   * @param {import("./message_actions.js").MessageActions} parts.actions
   * @param {() => void} parts.openTour
   */
  constructor({ state, session, layout, actions, openTour }) {
    this.#state = state;
    this.#session = session;
    this.#layout = layout;
    const toggle = (/** @type {import("./layout.js").Column} */ column, /** @type {Parameters<typeof icon>[0]} */ mark, /** @type {string} */ label) =>
      h("button", { class: `icon-button toggle-${column}`, type: "button", "aria-label": label, title: label, "aria-controls": column, on: { click: () => layout.toggle(column) } }, icon(mark));
    const menu = toggle("sidebar", "menu", "Channels");
    const panel = toggle("panel", "loop", "The loop: what Mynah learns");
    const members = toggle("members", "people", "Members");
    this.#toggles = [["sidebar", menu], ["panel", panel], ["members", members]];
    const tour = h("button", { class: "icon-button", type: "button", "aria-label": "Guided tour", title: "Guided tour", on: { click: openTour } }, icon("tour"));
    this.#you.addEventListener("click", () => openPeople(this.#you, state, actions));
    this.#theme.addEventListener("click", () => {
      switchTheme();
      this.#drawTheme();
    });
    this.node = h("header", { class: "chat-head" }, menu, this.#name, this.#topic, this.#connection,
      h("div", { class: "head-tools" }, tour, panel, members, this.#theme, this.#you));
    for (const topic of ["everything", "place", "channels"]) state.on(topic, () => this.#draw());
    state.on("bot", () => this.#drawConnection());
    session.addEventListener("status", () => this.#drawConnection());
    layout.addEventListener("change", () => this.#drawToggles());
    this.#drawTheme();
  }

  #draw() {
    const { channel, me } = this.#state;
    if (channel === undefined || me === null) return;
    const name = this.#state.channelName(channel);
    this.#name.replaceChildren(icon(channel.type === 1 ? "at" : channel.type > 9 ? "thread" : "hash"), h("span", { class: "place-words" }, name));
    this.#topic.textContent = channel.topic ?? "";
    this.#topic.title = channel.topic ?? "";
    document.title = `${channel.type === 1 ? "@" : "#"}${name} · ${this.#state.guild.name} · Mynah's playground`;
    const you = this.#state.nameOf(me.user);
    this.#you.setAttribute("aria-label", `You act as ${you}, ${me.label}. Change who you are`);
    this.#you.replaceChildren(avatar(me.user, you));
    this.#drawConnection();
    this.#drawToggles();
  }

  #drawConnection() {
    const text = !this.#session.isOpen ? "Reconnecting…" : this.#state.bot.connected ? "" : "Mynah is not here";
    this.#connection.textContent = text;
    this.#connection.hidden = !text;
  }

  #drawToggles() {
    for (const [column, button] of this.#toggles) button.setAttribute("aria-expanded", String(this.#layout.isOpen(column)));
  }

  #drawTheme() {
    const other = theme() === "dark" ? "light" : "dark";
    this.#theme.setAttribute("aria-label", `Change to the ${other} theme`);
    this.#theme.title = `Change to the ${other} theme`;
    this.#theme.replaceChildren(icon(other === "light" ? "sun" : "moon"));
  }
}
