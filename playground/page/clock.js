/** Times as people read them. The moment it is now is an argument, so that what is said can be tested. */

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = /** @type {const} */ ([
  ["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1],
]);

const STYLES = {
  t: { hour: "2-digit", minute: "2-digit" },
  T: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  d: { day: "2-digit", month: "2-digit", year: "numeric" },
  D: { day: "numeric", month: "long", year: "numeric" },
  f: { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" },
  F: { weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

/** @param {Date} date @param {string} style one of Discord's letters @param {Date} now @returns {string} */
export function inStyle(date, style, now) {
  return style === "R" ? ago(date, now) : new Intl.DateTimeFormat("en-GB", STYLES[style] ?? STYLES.f).format(date);
}

/** @param {Date} date @param {Date} now @returns {string} such as "5 minutes ago" or "in 2 days" */
export function ago(date, now) {
  const seconds = (date.getTime() - now.getTime()) / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS[UNITS.length - 1];
  return relative.format(Math.trunc(seconds / length), unit);
}

/** @param {Date} date @param {Date} now @returns {string} such as "Today at 14:05" */
export function moment(date, now) {
  const time = inStyle(date, "t", now);
  const days = Math.round((startOfDay(now) - startOfDay(date)) / 86_400_000);
  if (days === 0) return `Today at ${time}`;
  if (days === 1) return `Yesterday at ${time}`;
  return `${inStyle(date, "d", now)} ${time}`;
}

/** @param {Date} date @returns {string} such as "14:05" */
export function timeOfDay(date) {
  return inStyle(date, "t", date);
}

/** @param {Date} one @param {Date} other @returns {boolean} */
export function isSameDay(one, other) {
  return startOfDay(one) === startOfDay(other);
}

/** @param {Date} date @returns {number} */
function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
