/** Which columns are seen: beside the talk where there is room, and as drawers above it where there is not. */

const COLUMNS = /** @type {const} */ (["sidebar", "members", "panel"]);

/** @typedef {typeof COLUMNS[number]} Column */

export class Layout extends EventTarget {
  #app;
  /** @type {HTMLElement | null} */
  #before = null;

  /** @param {HTMLElement} app */
  constructor(app) {
    super();
    this.#app = app;
    app.addEventListener("pointerdown", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target.closest(".chat-head, .sidebar, .members, .panel")) return;
      this.closeDrawers();
    });
    window.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !this.#drawers().length) return;
      event.preventDefault();
      this.closeDrawers();
    });
    window.addEventListener("resize", () => this.dispatchEvent(new Event("change")));
  }

  /** @param {Column} column @returns {boolean} whether it is seen */
  isOpen(column) {
    return getComputedStyle(this.#element(column)).visibility === "visible" && this.#element(column).offsetWidth > 0;
  }

  /** @param {Column} column */
  toggle(column) {
    if (this.isOpen(column)) this.close(column);
    else this.open(column);
  }

  /** @param {Column} column */
  open(column) {
    if (this.isOpen(column)) return;
    for (const other of this.#drawers()) this.close(other);
    this.#set(column, "open");
    if (this.#isDrawer(column)) {
      this.#before = /** @type {HTMLElement | null} */ (document.activeElement);
      this.#element(column).focus();
    }
  }

  /** @param {Column} column */
  close(column) {
    const wasDrawer = this.#isDrawer(column);
    this.#set(column, "closed");
    if (wasDrawer && this.#element(column).contains(document.activeElement)) this.#before?.focus();
  }

  /** Close what lies over the talk. */
  closeDrawers() {
    for (const column of this.#drawers()) this.close(column);
  }

  /** @param {Column} column @param {"open" | "closed"} how */
  #set(column, how) {
    this.#app.dataset[column] = how;
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {Column[]} those that are open as drawers */
  #drawers() {
    return COLUMNS.filter((column) => this.#isDrawer(column) && this.isOpen(column));
  }

  /** @param {Column} column @returns {boolean} */
  #isDrawer(column) {
    return getComputedStyle(this.#element(column)).position === "fixed";
  }

  /** @param {Column} column @returns {HTMLElement} */
  #element(column) {
    return /** @type {HTMLElement} */ (document.getElementById(column));
  }
}
