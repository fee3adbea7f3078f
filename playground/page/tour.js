/** The guided tour: a card that goes along, a ring round what it speaks of, and the patience to see that it was done. */

import { h } from "./element.js";
import { icon } from "./icons.js";
import { STEPS } from "./tour_steps.js";

const REMEMBERED = "mynah.tour";
const LOOK_MS = 250;
const RING_PX = 6;
const PAUSE_MS = 1200;

/** @typedef {{at: number, isOpen: boolean, memory: Record<string, any>}} Progress */

export class Tour {
  #place;
  #state;
  #actions;
  #composer;
  #layout;
  #ring = h("div", { class: "tour-ring", "aria-hidden": "true", hidden: true });
  /** @type {Progress} */
  #progress;
  #isPausing = false;

  /**
   * @param {HTMLElement} place
   * @param {object} parts
   * @param {import("./state.js").State} parts.state
   * @param {import("./interactions.js").Interactions} parts.interactions
   * @param {import("./message_actions.js").MessageActions} parts.actions
   * @param {import("./composer.js").Composer} parts.composer
   * @param {import("./layout.js").Layout} parts.layout
   */
  constructor(place, { state, interactions, actions, composer, layout }) {
    this.#place = place;
    this.#state = state;
    this.#actions = actions;
    this.#composer = composer;
    this.#layout = layout;
    this.#progress = remembered();
    document.body.append(this.#ring);
    state.on("event", ({ t, d }) => this.#look({ kind: "event", t, d }));
    state.on("loop", () => this.#look({ kind: "loop", loop: state.loop }));
    interactions.addEventListener("outcome", (event) => this.#look({ kind: "outcome", .../** @type {CustomEvent} */ (event).detail }));
    setInterval(() => this.#moveRing(), LOOK_MS);
    for (const topic of ["everything", "place", "bot"]) state.on(topic, () => this.#draw());
  }

  /** Show where the tour is, or offer it to somebody who has never seen it. */
  begin() {
    if (this.#progress.at < 0) this.#offer();
    else if (this.#progress.isOpen) this.#draw();
  }

  /** Open the tour where it was left, or close it. */
  toggle() {
    if (this.#progress.isOpen) this.#leave();
    else this.#goTo(this.#progress.at < 0 || this.#progress.at >= STEPS.length ? 0 : this.#progress.at);
  }

  get #step() {
    return STEPS[this.#progress.at];
  }

  #offer() {
    this.#place.replaceChildren(
      h("section", { class: "tour-card tour-welcome", "aria-labelledby": "tour-title" },
        h("img", { class: "tour-picture", src: "/page/mynah.svg", alt: "" }),
        h("h2", { id: "tour-title" }, "Welcome to Mynah's playground"),
        h("p", {}, "This is a Discord server on your own machine, with the real bot in it. Take part as a member, a moderator, an admin or a troll, and watch Mynah learn from what was allowed and approved."),
        h("p", {}, "The tour takes about ten minutes, and can be left at any time."),
        h("div", { class: "tour-buttons" },
          h("button", { class: "button button-plain", type: "button", on: { click: () => this.#leave() } }, "Look around"),
          h("button", { class: "button button-primary", type: "button", on: { click: () => this.#goTo(0) } }, "Start the tour"))),
    );
  }

  /** @param {number} at */
  async #goTo(at) {
    this.#progress = { at, isOpen: true, memory: at === 0 ? {} : this.#progress.memory };
    remember(this.#progress);
    const step = this.#step;
    if (step === undefined) return this.#finish();
    await this.#setScene(step);
    this.#draw();
    return undefined;
  }

  /** Change to who and where the step needs. @param {import("./tour_steps.js").Step} step */
  async #setScene(step) {
    if (step.as && this.#state.me?.label !== step.as) {
      const person = this.#state.people.find(({ label }) => label === step.as);
      if (person) await this.#actions.actAs(person.user.id);
    }
    const channel = step.channel && this.#state.textChannels.find(({ name }) => name === step.channel);
    if (channel && this.#state.channelId !== channel.id) this.#state.goTo(channel.id);
    if (step.needsPanel) {
      this.#layout.open("panel");
      step.target()?.scrollIntoView({ block: "start" });
    }
  }

  #draw() {
    const step = this.#step;
    if (!this.#progress.isOpen || step === undefined) return;
    const { at } = this.#progress;
    const person = step.as ? this.#state.me : null;
    const isScene = !step.as || this.#state.me?.label === step.as;
    const act = (/** @type {string} */ label, /** @type {() => void} */ click, look = "secondary") =>
      h("button", { class: `button button-${look}`, type: "button", on: { click } }, label);
    const say = step.say ?? null;
    const fill = step.fill ?? null;
    const isAwake = this.#state.bot.connected;
    this.#place.replaceChildren(
      h("section", { class: "tour-card", "aria-labelledby": "tour-title" },
        h("header", { class: "tour-head" },
          h("span", { class: "tour-count" }, `Step ${at + 1} of ${STEPS.length}`),
          h("button", { class: "icon-button", type: "button", "aria-label": "Leave the tour", on: { click: () => this.#leave() } }, icon("close"))),
        h("div", { class: "tour-progress", "aria-hidden": "true" }, h("i", { style: { width: `${((at + 1) / STEPS.length) * 100}%` } })),
        h("div", { "aria-live": "polite" },
          h("h2", { id: "tour-title" }, step.title),
          h("p", {}, step.text),
          at > 0 && step.id === "again" && this.#progress.memory.before ? h("p", { class: "tour-memory" }, h("strong", {}, "Before: "), this.#progress.memory.before) : null,
          step.id === "rollback" && this.#progress.memory.after ? h("p", { class: "tour-memory" }, h("strong", {}, "It said now: "), this.#progress.memory.after) : null),
        isAwake ? null : h("p", { class: "tour-memory" }, "Mynah is not there yet. It needs some seconds to wake up; this goes on by itself."),
        person && isScene ? h("p", { class: "tour-as" }, "You act as ", h("strong", {}, this.#state.nameOf(person.user)), ` · ${person.label}`) : null,
        h("div", { class: "tour-buttons" },
          act("Skip", () => this.#goTo(at + 1), "plain"),
          !isScene ? act(`Become the ${step.as} again`, () => this.#goTo(at), "primary") : null,
          isScene && isAwake && say ? act("Type it for me", () => this.#type(step), "primary") : null,
          isScene && isAwake && fill ? act("Fill it in for me", () => this.#fill(fill), "primary") : null,
          step.next ? act(step.next, () => this.#goTo(at + 1), "primary") : null)),
    );
  }

  /** @param {import("./tour_steps.js").Step} step */
  async #type(step) {
    await this.#setScene(step);
    await this.#composer.suggest(step.say ?? "");
  }

  /** @param {string} words */
  #fill(words) {
    const field = /** @type {HTMLTextAreaElement | null} */ (document.querySelector("dialog[open] textarea"));
    if (field) {
      field.value = words;
      field.focus();
    } else {
      /** @type {HTMLElement | null} */ (this.#step?.target())?.click();
      setTimeout(() => this.#retryFill(words, 20), 100);
    }
  }

  /** The bot's form comes a moment after its button. @param {string} words @param {number} tries */
  #retryFill(words, tries) {
    const field = /** @type {HTMLTextAreaElement | null} */ (document.querySelector("dialog[open] textarea"));
    if (field) {
      field.value = words;
      field.focus();
    } else if (tries > 0) setTimeout(() => this.#retryFill(words, tries - 1), 100);
  }

  /** @param {import("./tour_steps.js").Happening} happening */
  #look(happening) {
    const step = this.#step;
    if (!this.#progress.isOpen || step === undefined || this.#isPausing) return;
    if (!step.isDone(happening, this.#progress.memory)) return;
    this.#isPausing = true;
    this.#place.querySelector(".tour-card")?.classList.add("tour-done");
    setTimeout(() => {
      this.#isPausing = false;
      if (this.#step === step && this.#progress.isOpen) this.#goTo(this.#progress.at + 1);
    }, PAUSE_MS);
  }

  #leave() {
    this.#progress = { ...this.#progress, at: Math.max(0, this.#progress.at), isOpen: false };
    remember(this.#progress);
    this.#place.replaceChildren();
    this.#composer.focus();
  }

  #finish() {
    this.#progress = { ...this.#progress, isOpen: false };
    remember(this.#progress);
    this.#place.replaceChildren(
      h("section", { class: "tour-card tour-welcome", "aria-labelledby": "tour-title" },
        h("h2", { id: "tour-title" }, "That was the tour. Now it is yours."),
        h("p", {}, "Try the troll, the other faults, /why, /stats and /config. Everything here works as it does in Discord."),
        h("div", { class: "tour-buttons" },
          h("button", { class: "button button-primary", type: "button", on: { click: () => this.#leave() } }, "Done"))),
    );
  }

  #moveRing() {
    const target = this.#progress.isOpen ? this.#step?.target() : null;
    const box = target?.getBoundingClientRect();
    const isSeen = box !== undefined && box.width > 0 && target?.checkVisibility({ visibilityProperty: true }) && box.bottom > 0 && box.top < window.innerHeight;
    this.#ring.hidden = !isSeen || document.querySelector("dialog[open]") !== null;
    if (!isSeen) return;
    const place = { top: box.top - RING_PX, left: box.left - RING_PX, width: box.width + 2 * RING_PX, height: box.height + 2 * RING_PX };
    for (const [property, pixels] of Object.entries(place)) this.#ring.style.setProperty(property, `${pixels}px`);
  }
}

/** @returns {Progress} */
function remembered() {
  try {
    const { at, isOpen, memory } = JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}");
    if (Number.isInteger(at)) return { at, isOpen: Boolean(isOpen), memory: memory ?? {} };
  } catch {
    // What was remembered cannot be read: begin anew.
  }
  return { at: -1, isOpen: false, memory: {} };
}

/** @param {Progress} progress */
function remember(progress) {
  localStorage.setItem(REMEMBERED, JSON.stringify(progress));
}
