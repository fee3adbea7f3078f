/**
 * What one can do with a message and with people: its toolbar, its menu, its keys, its buttons. Draws no rows: it tells the
 * list by events which one changed (`row`), is edited (`edit`) or looked for (`reveal`), and the composer what is answered
 * (`reply`).
 */

import { CommandType, Flag, MAX_CHARACTERS, may, nameOf, Permission } from "./discord.js";
import { h } from "./element.js";
import { openEmojiGrid, quickEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { isMenuOpen, openMenu } from "./menu.js";
import { askForWords, askWhether, openForm } from "./modal.js";
import { withIds, withNames } from "./names.js";

const LONGEST_THREAD_NAME = 100;

export class MessageActions extends EventTarget {
  #api;
  #state;
  #session;
  #interactions;
  #commands;
  #toasts;
  /** @type {import("./markdown.js").Names} */
  #names;
  /** @type {Map<string, Set<string>>} message, then the custom ids that the bot is being asked about */
  #pressed = new Map();
  /** @type {Map<string, string>} */
  #failures = new Map();
  #toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Message" });

  /**
   * @param {object} parts
   * @param {import("./api.js").Api} parts.api
   * @param {import("./state.js").State} parts.state
   * @param {import("./session.js").Session} parts.session
   * @param {import("./interactions.js").Interactions} parts.interactions
   * @param {import("./commands.js").Commands} parts.commands
   * @param {import("./toast.js").Toasts} parts.toasts
   * @param {import("./markdown.js").Names} parts.names
   */
  constructor({ api, state, session, interactions, commands, toasts, names }) {
    super();
    this.#api = api;
    this.#state = state;
    this.#session = session;
    this.#interactions = interactions;
    this.#commands = commands;
    this.#toasts = toasts;
    this.#names = names;
  }

  /**
   * Give a list of messages its toolbar, menus and keys.
   * @param {HTMLElement} list
   * @param {(id: string) => import("./discord.js").Message | undefined} find
   */
  attachTo(list, find) {
    const messageAt = (/** @type {Event} */ event) => {
      const row = /** @type {Element | null} */ (event.target)?.closest(".message");
      return row instanceof HTMLElement ? { row, message: find(row.dataset.id ?? "") } : null;
    };
    const showToolbar = (/** @type {Event} */ event) => {
      const at = messageAt(event);
      if (at?.message && this.#toolbar.parentElement !== at.row && !isMenuOpen()) this.#fillToolbar(at.row, at.message);
    };
    list.addEventListener("pointerover", showToolbar);
    list.addEventListener("focusin", showToolbar);
    list.addEventListener("pointerleave", () => !isMenuOpen() && !this.#toolbar.contains(document.activeElement) && this.#toolbar.remove());
    list.addEventListener("contextmenu", (event) => {
      const at = messageAt(event);
      const target = /** @type {Element} */ (event.target);
      if (!at?.message || target.closest("a, textarea, img") || !window.getSelection()?.isCollapsed) return;
      event.preventDefault();
      const isKeyboard = event.clientX === 0 && event.clientY === 0;
      this.openMessageMenu(at.message, isKeyboard ? at.row : { x: event.clientX, y: event.clientY });
    });
    list.addEventListener("keydown", (event) => {
      const at = messageAt(event);
      if (at?.message && event.target === at.row) this.#onKey(event, at.row, at.message);
    });
  }

  /** @param {HTMLElement} row @param {import("./discord.js").Message} message */
  #fillToolbar(row, message) {
    const tool = (/** @type {Parameters<typeof icon>[0]} */ name, /** @type {string} */ label, /** @type {(event: Event) => void} */ act) =>
      h("button", { class: "tool", type: "button", "aria-label": label, title: label, on: { click: act } }, icon(name));
    const can = this.#can(message);
    this.#toolbar.replaceChildren(
      ...(can.react ? quickEmoji().map((emoji) =>
        h("button", { class: "tool", type: "button", "aria-label": `React with ${emoji}`, on: { click: () => this.#toggle(message, emoji) } }, emoji)) : []),
      ...(can.react ? [tool("smile", "Add a reaction", (event) => this.chooseReaction(message, /** @type {Element} */ (event.currentTarget)))] : []),
      ...(can.edit ? [tool("edit", "Edit", () => this.edit(message))] : []),
      ...(can.reply ? [tool("reply", "Reply", () => this.reply(message))] : []),
      tool("more", "More", (event) => this.openMessageMenu(message, /** @type {Element} */ (event.currentTarget))),
    );
    row.append(this.#toolbar);
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} row @param {import("./discord.js").Message} message */
  #onKey(event, row, message) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const can = this.#can(message);
    if (event.key === "Enter" || event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) this.openMessageMenu(message, row);
    else if (event.key === "r" && can.reply) this.reply(message);
    else if (event.key === "e" && can.edit) this.edit(message);
    else if (event.key === "+" && can.react) this.chooseReaction(message, row);
    else if (event.key === "Delete" && can.delete) this.delete(message);
    else return;
    event.preventDefault();
  }

  /** @param {import("./discord.js").Message} message */
  #can(message) {
    const channel = this.#state.channels.get(message.channel_id);
    const isOwn = message.author.id === this.#state.me?.user.id;
    const isReal = !(message.flags & Flag.EPHEMERAL) && channel !== undefined;
    const mayDo = (/** @type {bigint} */ permission) => channel !== undefined && may(channel, permission);
    return {
      edit: isOwn && isReal,
      delete: isReal && (isOwn || (mayDo(Permission.MANAGE_MESSAGES) && channel.type !== 1)),
      reply: isReal && mayDo(Permission.SEND_MESSAGES),
      react: isReal && mayDo(Permission.ADD_REACTIONS),
      thread: isReal && channel.type === 0 && mayDo(Permission.CREATE_PUBLIC_THREADS) && !this.#state.channels.has(message.id),
    };
  }

  /** @param {import("./discord.js").Message} message @param {Element | {x: number, y: number}} anchor */
  async openMessageMenu(message, anchor) {
    const can = this.#can(message);
    const apps = message.flags & Flag.EPHEMERAL ? [] : await this.#commands.ofType(CommandType.MESSAGE);
    /** @type {import("./menu.js").Entry[]} */
    const entries = [];
    if (can.reply) entries.push({ label: "Reply", icon: "reply", act: () => this.reply(message) });
    if (can.edit) entries.push({ label: "Edit", icon: "edit", act: () => this.edit(message) });
    if (can.react) {
      entries.push({ label: "Add a reaction", icon: "smile", act: () => this.chooseReaction(message, this.#rowOf(message.id) ?? document.body) });
    }
    if (can.thread) entries.push({ label: "Begin a thread", icon: "thread", act: () => this.#beginThread(message) });
    if (message.content) entries.push({ label: "Copy the words", icon: "copy", act: () => this.#copy(message.content) });
    entries.push({ label: "Copy the id", icon: "copy", act: () => this.#copy(message.id) });
    if (apps.length) {
      entries.push("line", { heading: "Apps" });
      entries.push(...apps.map((command) => this.#appEntry(command, message.id)));
    }
    if (message.flags & Flag.EPHEMERAL) {
      entries.push({ label: "Dismiss", icon: "close", act: () => this.#state.dismiss(message.channel_id, message.id) });
    }
    if (can.delete) entries.push("line", { label: "Delete", icon: "trash", isDanger: true, act: () => this.delete(message) });
    openMenu(entries, anchor, "Message");
  }

  /** @param {string} userId @param {Element | {x: number, y: number}} anchor */
  async openPersonMenu(userId, anchor) {
    const user = this.#state.user(userId);
    if (user === undefined) return;
    const person = this.#state.people.find((one) => one.user.id === userId);
    const apps = await this.#commands.ofType(CommandType.USER);
    const name = this.#state.nameOf(user);
    /** @type {import("./menu.js").Entry[]} */
    const entries = [{ heading: person?.about ? `${name} · ${person.about}` : name }];
    entries.push({ label: "Mention", icon: "at", act: () => this.dispatchEvent(new CustomEvent("mention", { detail: `@${name}` })) });
    if (userId === this.#state.application.user.id) entries.push({ label: "Direct message", icon: "send", act: () => this.openDm() });
    if (person && userId !== this.#state.me?.user.id) {
      entries.push({ label: `Act as ${name}`, icon: "swap", act: () => this.actAs(userId) });
    }
    if (apps.length) entries.push("line", { heading: "Apps" }, ...apps.map((command) => this.#appEntry(command, userId)));
    if (person) entries.push("line", { heading: "Roles (as the server's owner)" }, ...this.#roleEntries(userId));
    entries.push("line", { label: "Copy the id", icon: "copy", act: () => this.#copy(userId) });
    openMenu(entries, anchor, name);
  }

  /** @param {string} userId @returns {import("./menu.js").Item[]} */
  #roleEntries(userId) {
    const held = this.#state.members.get(userId)?.roles ?? [];
    const given = [...this.#state.roles.values()].filter((role) => role.id !== this.#state.guild.id && !(/** @type {any} */ (role).managed));
    return given.map((role) => ({
      label: role.name,
      isChosen: held.includes(role.id),
      act: () => this.#try(() => this.#api.giveRole(userId, role.id, !held.includes(role.id))),
    }));
  }

  /** @param {import("./discord.js").Command} command @param {string} targetId @returns {import("./menu.js").Item} */
  #appEntry(command, targetId) {
    const picture = h("img", { class: "menu-picture", src: "/page/mynah.svg", alt: "" });
    const body = { type: 2, channel_id: this.#state.channelId, data: { id: command.id, target_id: targetId } };
    return { label: command.name, detail: nameOf(this.#state.application.user), picture, act: () => this.ask(body, command.name) };
  }

  /** @param {string} userId */
  actAs(userId) {
    return this.#try(() => this.#session.actAs(userId));
  }

  /** Open the talk with the bot. */
  openDm() {
    return this.#try(async () => {
      const channel = await this.#api.openDm();
      this.#state.takeIn(channel);
      this.#state.goTo(channel.id);
    });
  }

  /** @param {string} id */
  openChannel(id) {
    this.#state.goTo(id);
  }

  /** @param {string} id of a message here */
  reveal(id) {
    this.dispatchEvent(new CustomEvent("reveal", { detail: id }));
  }

  /** @param {import("./discord.js").Message} message */
  reply(message) {
    this.dispatchEvent(new CustomEvent("reply", { detail: message }));
  }

  /** @param {import("./discord.js").Message} message */
  edit(message) {
    this.dispatchEvent(new CustomEvent("edit", { detail: message.id }));
  }

  /** The composer may have the focus again. */
  editEnded() {
    this.dispatchEvent(new Event("editended"));
  }

  /** @param {import("./discord.js").Message} message */
  delete(message) {
    const body = [
      h("p", {}, "Delete this message? Mynah then deletes its row, and every example made from it."),
      h("blockquote", { class: "dialog-quote" }, markdown(message.content.slice(0, 300) || "(a card or a file)", this.#names)),
    ];
    askWhether("Delete message", body, { act: "Delete", send: () => this.#why(() => this.#api.delete(message.channel_id, message.id)) });
  }

  /** @param {import("./discord.js").Message} message @param {string} emoji @param {boolean} isThere */
  react(message, emoji, isThere) {
    return this.#try(() => this.#api.react(message.channel_id, message.id, emoji, isThere));
  }

  /** @param {import("./discord.js").Message} message @param {Element} anchor */
  chooseReaction(message, anchor) {
    openEmojiGrid(anchor, (emoji) => this.#toggle(message, emoji));
  }

  /** @param {import("./discord.js").Message} message @param {string} emoji */
  #toggle(message, emoji) {
    const known = (message.reactions ?? []).find((reaction) => reaction.emoji.name === emoji);
    return this.react(message, emoji, !known?.me);
  }

  /** @param {import("./discord.js").Message} message */
  #beginThread(message) {
    askForWords("Begin a thread", "Name of the thread", {
      act: "Begin thread",
      longest: LONGEST_THREAD_NAME,
      value: withNames(message.content, this.#names).slice(0, 40),
      send: (name) => this.#why(async () => {
        const thread = await this.#api.openThread(message.channel_id, { name, message_id: message.id });
        this.#state.takeIn(thread);
        this.#state.goTo(thread.id);
      }),
    });
  }

  /**
   * A field in place of a message's words.
   * @param {import("./discord.js").Message} message @param {() => void} end @returns {HTMLElement}
   */
  editor(message, end) {
    const field = /** @type {HTMLTextAreaElement} */ (
      h("textarea", { class: "editor-field", "aria-label": "Edit the message", maxlength: MAX_CHARACTERS, value: withNames(message.content, this.#names) })
    );
    const save = async () => {
      const content = withIds(field.value.trim(), this.#state);
      if (!content) return this.delete(message);
      const wrong = content === message.content ? null : await this.#why(() => this.#api.edit(message.channel_id, message.id, content));
      if (wrong === null) end();
      else this.#toasts.error(wrong);
      return undefined;
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") end();
      else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const button = (/** @type {string} */ label, /** @type {() => void} */ act) =>
      h("button", { class: "link-button", type: "button", on: { click: act } }, label);
    return h("div", { class: "editor" }, field,
      h("p", { class: "editor-note" }, "Escape to ", button("cancel", end), " · Enter to ", button("save", save)));
  }

  /** A button or select was used. @param {import("./discord.js").Message} message @param {import("./discord.js").Component} component @param {string[] | null} values */
  async press(message, component, values) {
    const customId = component.custom_id;
    const pressed = this.#pressed.get(message.id) ?? new Set();
    this.#pressed.set(message.id, pressed.add(customId));
    this.#failures.delete(message.id);
    this.#tellRow(message.id);
    const data = values === null ? { custom_id: customId } : { custom_id: customId, values };
    const body = { type: 3, channel_id: message.channel_id, message_id: message.id, data };
    const wrong = await this.ask(body, customId, { isTold: false });
    pressed.delete(customId);
    if (wrong !== null) this.#failures.set(message.id, wrong);
    this.#tellRow(message.id);
  }

  /** @param {string} messageId @param {string} customId @returns {boolean} */
  isPressed(messageId, customId) {
    return this.#pressed.get(messageId)?.has(customId) ?? false;
  }

  /** @param {string} messageId @returns {string | undefined} what went wrong with its buttons */
  failureOf(messageId) {
    return this.#failures.get(messageId);
  }

  /**
   * Ask the bot, and open its form if it answers with one.
   * @param {Record<string, any>} body @param {string} name @param {{isTold?: boolean, files?: File[]}} [options] isTold: say what went wrong
   * @returns {Promise<string | null>} what went wrong
   */
  async ask(body, name, { isTold = true, files = [] } = {}) {
    const wrong = await this.#why(async () => {
      const outcome = await this.#interactions.ask(body, name, files);
      if (outcome.kind === "silent") throw new Error(outcome.reason);
      if (outcome.kind === "form") this.#openForm(outcome.d, String(body.channel_id));
    });
    if (wrong !== null && isTold) this.#toasts.error(wrong);
    return wrong;
  }

  /** @param {Record<string, any>} form @param {string} channelId */
  #openForm(form, channelId) {
    const personId = this.#api.personId;
    openForm(form, {
      state: this.#state,
      names: this.#names,
      send: async (values) => {
        if (this.#api.personId !== personId) return "This form was opened by somebody else. Change back to them, or close it.";
        const body = { type: 5, channel_id: channelId, modal_id: form.id, data: { values } };
        return this.ask(body, form.custom_id, { isTold: false });
      },
    });
  }

  /** @param {string} id */
  #tellRow(id) {
    this.dispatchEvent(new CustomEvent("row", { detail: id }));
  }

  /** @param {string} id @returns {Element | null} */
  #rowOf(id) {
    return document.querySelector(`.message[data-id="${CSS.escape(id)}"]`);
  }

  /** @param {string} text */
  #copy(text) {
    return this.#try(async () => {
      await navigator.clipboard.writeText(text);
      this.#toasts.tell("Copied.");
    });
  }

  /** @param {() => Promise<unknown>} act @returns {Promise<string | null>} what went wrong */
  async #why(act) {
    try {
      await act();
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {() => Promise<unknown>} act */
  async #try(act) {
    const wrong = await this.#why(act);
    if (wrong !== null) this.#toasts.error(wrong);
  }
}
