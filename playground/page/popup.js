/** Where small windows stand: beside what opened them, inside the page, above everything. */

const GAP = 6;
const MARGIN = 8;

/**
 * Show an element in the top layer beside another one.
 * @param {HTMLElement} popup made with `popover="manual"`, inside the document
 * @param {Element | {x: number, y: number}} anchor an element, or a point
 * @param {"above" | "below"} side where it should stand if there is room
 */
export function showBeside(popup, anchor, side) {
  if (!popup.matches(":popover-open")) popup.showPopover();
  const isPoint = !(anchor instanceof Element);
  const box = isPoint ? new DOMRect(anchor.x, anchor.y, 0, 0) : anchor.getBoundingClientRect();
  if (!isPoint) popup.style.setProperty("--anchor-width", `${box.width}px`);
  const { width, height } = popup.getBoundingClientRect();
  const roomAbove = box.top - GAP - MARGIN;
  const roomBelow = window.innerHeight - box.bottom - GAP - MARGIN;
  const isAbove = side === "above" ? roomAbove >= height || roomAbove > roomBelow : roomBelow < height && roomAbove > roomBelow;
  const top = isAbove ? Math.max(MARGIN, box.top - GAP - height) : Math.min(box.bottom + GAP, window.innerHeight - MARGIN - height);
  const left = Math.min(Math.max(MARGIN, box.left), window.innerWidth - width - MARGIN);
  popup.style.setProperty("top", `${Math.max(MARGIN, top)}px`);
  popup.style.setProperty("left", `${Math.max(MARGIN, left)}px`);
}

/**
 * Call once when the person presses somewhere else.
 * @param {Element[]} inside presses in these do not count @param {() => void} leave
 * @returns {() => void} stops waiting for it
 */
export function onPressElsewhere(inside, leave) {
  const press = (/** @type {Event} */ event) => {
    const path = event.composedPath();
    if (!inside.some((element) => path.includes(element))) leave();
  };
  document.addEventListener("pointerdown", press, true);
  return () => document.removeEventListener("pointerdown", press, true);
}
