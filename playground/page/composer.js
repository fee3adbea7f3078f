/**
 * Where one writes: words with completions, files, answers to messages, and commands. What was typed stays until the
 * server has it, also over a change of channel or person and a lost connection.
 */

import { inBytes } from "./attachment.js";
import { CommandForm } from "./command_form.js";
import { wrapped } from "./commands.js";
import { isThread, may, MAX_CHARACTERS, MAX_FILE_BYTES, Permission } from "./discord.js";
import { h } from "./element.js";
import { emojiByName, openEmojiGrid } from "./emoji.js";
import * as entities from "./entities.js";
import { icon } from "./icons.js";
import { dots } from "./message.js";
import { withIds } from "./names.js";
import { fitting, Picker } from "./picker.js";

const TYPING_EVERY_MS = 8000;
const WARN_BELOW = 200;
const MOST_FILES = 10;
const TYPING_LOOK_MS = 1000;

/** @typedef {{text: string, files: File[], reply: import("./discord.js").Message | null}} Draft */

export class Composer {
  #api;
  #state;
  #commands;
  #actions;
  #interactions;
  #toasts;
  /** @type {Map<string, Draft>} by person and channel */
  #drafts = new Map();
  #key = "";
  /** @type {File[]} */
  #files = [];
  /** @type {import("./discord.js").Message | null} */
  #reply = null;
  /** @type {CommandForm | null} */
  #form = null;
  #typedAt = 0;
  #counted = 0;

  #replyBar = h("div", { class: "reply-bar", hidden: true });
  #fileBar = h("ul", { class: "file-bar", "aria-label": "Files to send", hidden: true });
  #field = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "composer", class: "composer-field", rows: "1", maxlength: "6000" }));
  #count = h("span", { class: "composer-count", role: "status" });
  #fileInput = /** @type {HTMLInputElement} */ (h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1" }));
  #line;
  #status = h("div", { class: "typing-line", role: "status" });

  /**
   * @param {object} parts
   * @param {import("./api.js").Api} parts.api
   * @param {import("./state.js").State} parts.state
   * @param {import("./commands.js").Commands} parts.commands
   * @param {import("./message_actions.js").MessageActions} parts.actions
   * @param {import("./interactions.js").Interactions} parts.interactions
   * @param {import("./toast.js").Toasts} parts.toasts
   */
  constructor({ api, state, commands, actions, interactions, toasts }) {
    this.#api = api;
    this.#state = state;
    this.#commands = commands;
    this.#actions = actions;
    this.#interactions = interactions;
    this.#toasts = toasts;
    const button = (/** @type {Parameters<typeof icon>[0]} */ name, /** @type {string} */ label, /** @type {(event: Event) => void} */ act) =>
      h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, on: { click: act } }, icon(name));
    this.#line = h(
      "div",
      { class: "composer-line" },
      button("plus", "Add files", () => this.#fileInput.click()),
      this.#fileInput,
      h("div", { class: "composer-words" }, this.#field),
      this.#count,
      button("smile", "Insert an emoji", (event) => openEmojiGrid(/** @type {Element} */ (event.currentTarget), (emoji) => this.insert(emoji))),
      button("send", "Send the message", () => this.#send()),
    );
    this.node = h("div", { class: "composer" }, h("div", { class: "composer-box" }, this.#replyBar, this.#fileBar, this.#line), this.#status);
    new Picker(this.#field, { label: "Suggestions", find: () => this.#suggest(), take: (suggestion) => this.#complete(suggestion), place: this.node });
    this.#listen();
  }

  #listen() {
    const field = this.#field;
    field.addEventListener("input", () => this.#onInput());
    field.addEventListener("keydown", (event) => this.#onKey(event));
    field.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.addFiles(files);
    });
    this.#fileInput.addEventListener("change", () => {
      this.addFiles([...(this.#fileInput.files ?? [])]);
      this.#fileInput.value = "";
    });
    const state = this.#state;
    state.on("everything", () => this.#changePlace());
    state.on("place", () => this.#changePlace());
    state.on("typing", () => this.#drawTyping());
    setInterval(() => this.#drawTyping(), TYPING_LOOK_MS);
    this.#actions.addEventListener("reply", (event) => this.#answer(/** @type {CustomEvent} */ (event).detail));
    this.#actions.addEventListener("mention", (event) => this.insert(`${/** @type {CustomEvent} */ (event).detail} `));
    this.#actions.addEventListener("editended", () => this.focus());
  }

  /** Take the focus. */
  focus() {
    if (this.#form) this.#form.focus();
    else this.#field.focus();
  }

  /** Put words where the cursor is. @param {string} text */
  insert(text) {
    if (this.#form) this.#closeForm();
    this.#field.setRangeText(text, this.#field.selectionStart, this.#field.selectionEnd, "end");
    this.#onInput();
    this.focus();
  }

  /** Replace what is typed: for the tour, which never sends by itself. @param {string} text */
  async suggest(text) {
    this.#closeForm();
    this.#field.value = text;
    this.#onInput();
    this.focus();
    await this.#tryCommand(text.trim());
  }

  /** @param {File[]} files */
  addFiles(files) {
    const fitting = files.filter((file) => file.size <= MAX_FILE_BYTES);
    if (fitting.length < files.length) this.#toasts.error("Files may have 10 MB at most.");
    this.#files = [...this.#files, ...fitting].slice(0, MOST_FILES);
    this.#drawFiles();
    this.focus();
  }

  #changePlace() {
    const key = `${this.#api.personId} ${this.#state.channelId}`;
    if (key !== this.#key) {
      this.#drafts.set(this.#key, { text: this.#field.value, files: this.#files, reply: this.#reply });
      const draft = this.#drafts.get(key) ?? { text: "", files: [], reply: null };
      this.#key = key;
      this.#closeForm();
      this.#field.value = draft.text;
      this.#files = draft.files;
      this.#reply = draft.reply;
    }
    const { channel } = this.#state;
    const needed = channel && isThread(channel) ? Permission.SEND_MESSAGES_IN_THREADS : Permission.SEND_MESSAGES;
    const mayWrite = channel !== undefined && may(channel, needed);
    const place = channel === undefined ? "" : `${channel.type === 1 ? "@" : "#"}${this.#state.channelName(channel)}`;
    const name = this.#state.me ? this.#state.nameOf(this.#state.me.user) : "";
    this.#field.disabled = !mayWrite;
    this.#field.placeholder = mayWrite ? `Message ${place} as ${name}` : "You may not write here.";
    this.#field.setAttribute("aria-label", `Message ${place} as ${name}. Type / for commands.`);
    this.#drawReply();
    this.#drawFiles();
    this.#fit();
    this.#drawTyping();
  }

  #onInput() {
    this.#fit();
    const { value } = this.#field;
    const typed = /^\/(\S+(?: \S+){0,2}) $/.exec(value);
    if (typed) this.#tryCommand(value.trim());
    const now = Date.now();
    if (!value.trim() || value.startsWith("/") || now - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = now;
    this.#api.type(this.#state.channelId ?? "").catch(() => {}); // a courtesy: nobody is told that it failed
  }

  #fit() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    const left = MAX_CHARACTERS - this.#field.value.length;
    this.#count.textContent = left < WARN_BELOW ? String(left) : "";
    this.#count.classList.toggle("composer-too-long", left < 0);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && !this.#field.value) {
      const own = this.#state.timeline.messages.findLast(({ author, type }) => author.id === this.#state.me?.user.id && (type === 0 || type === 19));
      if (own === undefined) return;
      event.preventDefault();
      this.#actions.edit(own);
    } else if (event.key === "Escape" && this.#reply) {
      event.preventDefault();
      this.#answer(null);
    }
  }

  async #send() {
    const text = this.#field.value.trim();
    if (!text && !this.#files.length) return;
    if (text.startsWith("/") && (await this.#tryCommand(text))) return;
    const content = withIds(text, this.#state);
    if (content.length > MAX_CHARACTERS) {
      this.#toasts.error(`A message has at most ${MAX_CHARACTERS} characters; this one has ${content.length}.`);
      return;
    }
    const draft = { text: this.#field.value, files: this.#files, reply: this.#reply };
    const [key, channelId] = [this.#key, this.#state.channelId ?? ""];
    this.#clear();
    this.#counted += 1;
    this.#typedAt = 0;
    const body = {
      content,
      nonce: `${Date.now()}-${this.#counted}`,
      ...(draft.reply ? { message_reference: { message_id: draft.reply.id } } : {}),
    };
    try {
      await this.#api.write(channelId, body, draft.files);
    } catch (error) {
      this.#toasts.error(error);
      this.#giveBack(key, draft);
    }
  }

  /** Nothing that was typed is lost when it could not be sent. @param {string} key @param {Draft} draft */
  #giveBack(key, draft) {
    if (key !== this.#key) {
      this.#drafts.set(key, draft);
      return;
    }
    if (!this.#field.value) this.#field.value = draft.text;
    this.#files = draft.files;
    this.#reply = draft.reply;
    this.#drawReply();
    this.#drawFiles();
    this.#fit();
  }

  #clear() {
    this.#field.value = "";
    this.#files = [];
    this.#reply = null;
    this.#drawReply();
    this.#drawFiles();
    this.#fit();
  }

  /** @param {import("./discord.js").Message | null} message */
  #answer(message) {
    if (this.#form) this.#closeForm();
    this.#reply = message;
    this.#drawReply();
    this.focus();
  }

  #drawReply() {
    this.#replyBar.hidden = this.#reply === null;
    if (this.#reply === null) return;
    const close = h("button", { class: "icon-button", type: "button", "aria-label": "Do not reply", on: { click: () => this.#answer(null) } }, icon("close"));
    this.#replyBar.replaceChildren(h("span", {}, "Replying to ", h("strong", {}, this.#state.nameOf(this.#reply.author))), close);
  }

  #drawFiles() {
    this.#fileBar.hidden = !this.#files.length;
    this.#fileBar.replaceChildren(
      ...this.#files.map((file) => {
        const remove = () => {
          this.#files = this.#files.filter((one) => one !== file);
          this.#drawFiles();
        };
        return h("li", { class: "file-chip" }, icon("file"), h("span", {}, `${file.name} · ${inBytes(file.size)}`),
          h("button", { class: "icon-button", type: "button", "aria-label": `Remove ${file.name}`, on: { click: remove } }, icon("close")));
      }),
    );
  }

  #drawTyping() {
    const names = this.#state.typingIn(this.#state.channelId ?? "", Date.now()).map((id) => {
      const user = this.#state.user(id);
      return user ? this.#state.nameOf(user) : "Somebody";
    });
    const text = names.length > 3 ? "Several people are typing…" : `${list(names)} ${names.length === 1 ? "is" : "are"} typing…`;
    const shown = names.length ? text : "";
    if (this.#status.textContent === shown) return;
    this.#status.replaceChildren(...(shown ? [dots(), shown] : []));
  }

  // Completions.

  /** @returns {Promise<import("./picker.js").Offer | null>} */
  async #suggest() {
    const before = this.#field.value.slice(0, this.#field.selectionStart);
    const command = /^\/([^\n]*)$/.exec(this.#field.value);
    if (command) {
      const found = (await this.#commands.invocables()).map((one) => ({
        label: `/${one.name}`, detail: one.description, picture: h("img", { class: "menu-picture", src: "/page/mynah.svg", alt: "" }), value: one,
      }));
      return { heading: found.length ? "Commands of Mynah" : "The bot has no commands here (yet)", suggestions: fitting(found, command[1]) };
    }
    const person = /(?:^|\s)@([^\s@]{0,32})$/.exec(before);
    if (person) {
      const found = [...entities.people(this.#state), ...entities.roles(this.#state)];
      return { heading: "People and roles", suggestions: fitting(found, person[1]) };
    }
    const channel = /(?:^|\s)#([\w-]{0,100})$/.exec(before);
    if (channel) return { heading: "Channels", suggestions: fitting(entities.channels(this.#state), channel[1]) };
    const emoji = /(?:^|\s):(\w{2,32})$/.exec(before);
    if (emoji) return { heading: "Emoji", suggestions: fitting(emojiByName(), emoji[1]) };
    return null;
  }

  /** @param {import("./picker.js").Suggestion} suggestion */
  #complete(suggestion) {
    if (suggestion.label.startsWith("/")) {
      this.#openForm(/** @type {import("./commands.js").Invocable} */ (suggestion.value), "");
      return;
    }
    const at = this.#field.selectionStart;
    const begin = this.#field.value.slice(0, at).search(/[@#:][^\s]*$/);
    const words = suggestion.label.startsWith(":") ? String(suggestion.value) : suggestion.label;
    this.#field.setRangeText(`${words} `, begin, at, "end");
    this.#onInput();
  }

  // Commands.

  /** @param {string} text such as "/privacy allow" @returns {Promise<boolean>} whether it was one */
  async #tryCommand(text) {
    if (!text.startsWith("/")) return false;
    const typed = text.slice(1);
    const found = (await this.#commands.invocables())
      .filter(({ name }) => typed === name || typed.startsWith(`${name} `))
      .sort((one, other) => other.name.length - one.name.length)[0];
    if (found === undefined || this.#form) return false;
    this.#openForm(found, typed.slice(found.name.length).trim());
    return true;
  }

  /** @param {import("./commands.js").Invocable} invocable @param {string} rest words for its first option */
  #openForm(invocable, rest) {
    const channelId = this.#state.channelId ?? "";
    this.#form = new CommandForm(invocable, {
      state: this.#state,
      rest,
      send: (options, files) => {
        this.#closeForm();
        this.#clear();
        this.focus();
        const data = { id: invocable.command.id, options: wrapped(invocable, options) };
        this.#actions.ask({ type: 2, channel_id: channelId, data }, `/${invocable.name}`, { files });
      },
      leave: () => {
        this.#closeForm();
        this.focus();
      },
      complete: async (options) => {
        const data = { id: invocable.command.id, options: wrapped(invocable, options) };
        const outcome = await this.#interactions.ask({ type: 4, channel_id: channelId, data }, `/${invocable.name}`).catch(() => null);
        return outcome?.kind === "choices" ? outcome.d.choices : [];
      },
    });
    this.#line.hidden = true;
    this.#line.after(this.#form.node);
    this.#field.value = "";
    this.#form.focus();
  }

  #closeForm() {
    this.#form?.remove();
    this.#form = null;
    this.#line.hidden = false;
  }
}

/** @param {string[]} names @returns {string} */
function list(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
