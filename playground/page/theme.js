/** Dark or light: the system's wish, until the person says otherwise. */

const REMEMBERED = "mynah.theme";
const prefersLight = window.matchMedia("(prefers-color-scheme: light)");

/** @returns {"dark" | "light"} what is shown */
export function theme() {
  return /** @type {"dark" | "light" | undefined} */ (document.documentElement.dataset.theme) ?? (prefersLight.matches ? "light" : "dark");
}

/** Show what was chosen last time. */
export function restoreTheme() {
  const chosen = localStorage.getItem(REMEMBERED);
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
}

/** Change to the other one, and remember it. */
export function switchTheme() {
  const chosen = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  localStorage.setItem(REMEMBERED, chosen);
}
