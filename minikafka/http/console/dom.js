// Elements and text. Data becomes text and attributes here, and never markup.

const NUMBER = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
});
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "medium" });

/** Return the element with that id, which is in the page. */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** Make an element; attributes whose value is a function are listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else setAttribute(element, name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Set an attribute where it is another one; null, undefined and false take it away. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Set the text of an element where it is another one; say whether it was. */
export function setText(element, value) {
  const text = String(value);
  if (element.shownText === text) return false;
  element.shownText = text;
  element.textContent = text;
  return true;
}

/**
 * Make the children of an element those of `items`, in their order; who stays keeps its element,
 * and with it the focus.
 *
 * items: [key, value] each; make(value, key) returns an element, update(element, value) fills it.
 */
export function keyed(parent, items, make, update) {
  parent.byKey ??= new Map();
  const known = parent.byKey;
  const wanted = new Set(items.map(([key]) => key));
  for (const [key, element] of known) {
    if (!wanted.has(key)) {
      element.remove();
      known.delete(key);
    }
  }
  let place = parent.firstElementChild;
  for (const [key, value] of items) {
    let element = known.get(key);
    if (element === undefined) {
      element = make(value, key);
      known.set(key, element);
    }
    update(element, value);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
}

/** A number with its thousands apart; a dash for none. */
export function count(value) {
  return value === null || value === undefined ? "–" : NUMBER.format(value);
}

/** A number and its noun. */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** The time of day, to the millisecond. */
export function clock(timeMs) {
  return CLOCK.format(timeMs);
}

/** Date and time; a dash for none. */
export function moment(timeMs) {
  return timeMs === null || timeMs < 0 ? "–" : MOMENT.format(timeMs);
}

/** A duration in the unit that fits it. */
export function duration(ms) {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** Records a second, short. */
export function rate(perSecond) {
  if (perSecond <= 0) return "";
  return `${perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond))}/s`;
}

/** A pill: a word whose colour says how good it is. */
export function pill(text, tone = "plain") {
  return h("span", { class: "pill", "data-tone": tone }, text);
}

/** Give an element's content another colour for a moment: it has just changed. */
export function flash(element) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element.animate(
    [{ boxShadow: "0 0 0 3px var(--flash)" }, { boxShadow: "0 0 0 3px transparent" }],
    { duration: 1_500, easing: "ease-out" },
  );
}
