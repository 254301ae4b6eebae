// The console: what the feed tells goes into the model, and from there onto the page.

import * as api from "./api.js";
import { askAddresses, drawBrokers, startLinks } from "./brokers.js";
import { askForToken, deleteTopic, startDialogs } from "./dialogs.js";
import { byId, count, h, keyed, rate, setAttribute, setText } from "./dom.js";
import { Groups } from "./groups.js";
import { Model } from "./model.js";
import { notice } from "./notices.js";
import { Partitions } from "./partitions.js";
import { Records } from "./records.js";
import { Timeline } from "./timeline.js";
import { Transactions } from "./transactions.js";

const NARROW = "(max-width: 68rem)";
const VIEWS = ["cluster", "records", "groups", "transactions", "events"];
const RETRY_MS = [300, 1_000, 2_000, 4_000];
const SILENCE_MS = 40_000; // the feed says every 15 s that it is there
const TICK_MS = 1_000;
const MEASURES_MAX = 500;
const SLICE_MS = 12;

const model = new Model();
const timeline = new Timeline();
const partitions = new Partitions(model, (act, topic, button) => {
  if (act === "read") location.hash = `#records/${encodeURIComponent(topic)}/0`;
  else deleteTopic(topic, button);
});
const records = new Records(model);
const groups = new Groups();
const transactions = new Transactions();
let view = "cluster";
let shape = -1;
let waiting = false;
let measured = 0;
let slice = 0;

/** Paint at the next frame; how long that takes can be read from the browser's own measures. */
function paintSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const start = performance.now();
    paint();
    measured += 1;
    if (measured % MEASURES_MAX === 0) performance.clearMeasures("paint");
    performance.measure("paint", { start, end: performance.now() });
  });
}

function paint() {
  // Rows first: they look where they are, which is known for as long as nothing else was changed.
  if (view === "cluster") partitions.draw();
  if (shape !== model.shape) {
    shape = model.shape;
    drawBrokers(model);
  }
  drawCounts();
  timeline.draw();
  if (view === "records") records.draw();
  if (view === "groups") groups.look();
  if (view === "transactions") transactions.look();
}

function drawCounts() {
  const now = model.summary();
  const all = [
    ["Controller", model.controller ?? "none", model.controller === null ? "bad" : "plain", "medium"],
    ["Brokers", `${now.up}/${now.brokers} up`, now.up < now.brokers ? "warn" : "plain", ""],
    ["Partitions", count(now.partitions), "plain", "wide"],
    ["Under-replicated", count(now.underReplicated), now.underReplicated > 0 ? "warn" : "plain", "medium"],
    ["Leaderless", count(now.leaderless), now.leaderless > 0 ? "bad" : "plain", "medium"],
    ["Records", rate(model.rate()) || "0/s", "plain", "wide"],
  ];
  keyed(byId("counts"), all.map((each) => [each[0], each]), ([name, , , when]) =>
    h("div", { class: when }, h("dt", {}, name), h("dd")), (element, [, value, tone]) => {
    setText(element.lastElementChild, value);
    setAttribute(element.lastElementChild, "data-tone", tone);
  });
}

// --- the feed --------------------------------------------------------------------------------

function live(text, tone) {
  setText(byId("live"), text);
  setAttribute(byId("live"), "data-tone", tone);
}

/** Take events in, in slices: whoever types or scrolls meanwhile does not wait for all of them. */
async function takeIn(piece) {
  for (const [kind, data] of piece) {
    model.apply(kind, data);
    if (performance.now() - slice > SLICE_MS) await breathe();
  }
  timeline.add(piece);
  paintSoon();
}

async function breathe() {
  paintSoon();
  await new Promise((resolve) => { setTimeout(resolve); });
  slice = performance.now();
}

async function listen() {
  for (let tries = 0; ; tries += 1) {
    const control = new AbortController();
    let silence = 0;
    const hear = () => {
      clearTimeout(silence);
      silence = setTimeout(() => control.abort(), SILENCE_MS);
    };
    try {
      hear();
      for await (const piece of api.events(control.signal)) {
        hear();
        if (piece.length === 0) continue;
        if (piece[0][0] === "hello") {
          tries = 0;
          live("live", "good");
          askAddresses().then(() => drawBrokers(model), () => {});
        }
        await takeIn(piece);
      }
    } catch (error) {
      if (error.status === 401) {
        live("locked", "bad");
        await askForToken();
        tries = -1;
        continue;
      }
      if (error.status === 403) notice(`${error.name}: ${error.message}`, "bad");
    } finally {
      clearTimeout(silence);
    }
    live("not connected; trying again", "bad");
    const wait = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];
    await new Promise((resolve) => { setTimeout(resolve, wait); });
  }
}

// --- views, theme, keys ------------------------------------------------------------------------

function route() {
  const [wanted, topic, partition] = location.hash.slice(1).split("/");
  view = VIEWS.includes(wanted) ? wanted : "cluster";
  // Where there is room for them, events stand beside every view.
  if (view === "events" && !matchMedia(NARROW).matches) view = "cluster";
  if (document.body.dataset.view !== view) scrollTo(0, 0);
  document.body.dataset.view = view;
  for (const section of document.querySelectorAll("main > [data-view]")) {
    section.hidden = section.dataset.view !== view;
  }
  for (const link of document.querySelectorAll(".views a")) {
    setAttribute(link, "aria-current", link.hash === `#${view}` ? "page" : null);
  }
  if (view === "records" && partition !== undefined) records.open(decoded(topic), Number(partition));
  paintSoon();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const THEMES = ["auto", "light", "dark"];

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  setText(byId("theme"), `◐ ${theme}`);
  setAttribute(byId("theme"), "aria-label", `Theme: ${theme}`);
  localStorage.setItem("minikafka.theme", theme);
}

function startTheme() {
  const kept = localStorage.getItem("minikafka.theme");
  setTheme(THEMES.includes(kept) ? kept : "auto");
  byId("theme").addEventListener("click", () => {
    const now = THEMES.indexOf(document.documentElement.dataset.theme);
    setTheme(THEMES[(now + 1) % THEMES.length]);
  });
}

function onKey(event) {
  const typing = event.target.closest("input, textarea, select, dialog") !== null;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    location.hash = "#cluster";
    route();
    byId("filter").focus();
    event.preventDefault();
  }
}

api.takeTokenFromAddress();
startTheme();
startDialogs();
startLinks(model);
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
addEventListener("hashchange", route);
matchMedia(NARROW).addEventListener("change", route);
addEventListener("keydown", onKey);
setInterval(() => {
  if (model.settle()) paintSoon();
}, TICK_MS);
route();
listen();
