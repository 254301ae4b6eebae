// What is said at the bottom of the page for a while, and things that may be refused.

import { byId, h } from "./dom.js";

const SHOWN_MS = 5_000;
const NOTICES_MAX = 4;

/** Say something; what is bad is said as such. */
export function notice(text, tone = "plain") {
  const place = byId("notices");
  const said = h("p", { class: "notice", "data-tone": tone }, text);
  place.append(said);
  while (place.childElementCount > NOTICES_MAX) place.firstElementChild.remove();
  setTimeout(() => said.remove(), SHOWN_MS);
}

/** Return a refusal in words. */
export function inWords(error) {
  return `${error.name}: ${error.message}`;
}

/** Do something for a button, which waits for it; a refusal is said, and a success where wanted. */
export async function attempt(button, what, work, tell = false) {
  if (button.getAttribute("aria-busy") === "true") return undefined;
  button.setAttribute("aria-busy", "true");
  try {
    const done = await work();
    if (tell) notice(what);
    return done;
  } catch (error) {
    notice(`${what}: ${inWords(error)}`, "bad");
    return undefined;
  } finally {
    button.removeAttribute("aria-busy");
  }
}
