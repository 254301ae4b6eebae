// The brokers: what state each is in, and what can be done to it; and the links between them.

import * as api from "./api.js";
import { byId, counted, flash, h, keyed, pill, setAttribute, setText } from "./dom.js";
import { attempt } from "./notices.js";

const ACTS = {
  up: ["crash", "stop", "pause", "isolate", "power-off"],
  paused: ["resume", "crash", "power-off"],
  down: ["start"],
};
const WORDS = {
  crash: ["Crash", "Kill its process; what it wrote stays"],
  stop: ["Stop", "Shut it down in good order"],
  pause: ["Pause", "Let it stand still"],
  resume: ["Resume", "Let it go on"],
  isolate: ["Isolate", "Cut it off all other brokers, though not off its clients"],
  "power-off": ["Power off", "Take its power; what it has not flushed is gone"],
  start: ["Start", "Start it over what its storage has kept"],
};

const addresses = new Map();

/** Ask where the brokers listen: the feed does not say it. */
export async function askAddresses() {
  for (const each of (await api.get("v1/brokers")).brokers) {
    if (each.host !== null) addresses.set(each.id, `${each.host}:${each.port}`);
  }
}

/** Say in a word how a broker is, and how good that is. */
export function condition(broker) {
  if (broker === undefined || broker.state === "down") return ["down", "bad"];
  if (broker.state === "paused") return ["paused", "warn"];
  if (broker.fenced === true) return ["fenced", "warn"];
  if (broker.fenced === null) return ["unregistered", "warn"];
  return ["up", "good"];
}

/** Draw all of them. */
export function drawBrokers(model) {
  const leads = new Map();
  for (const each of model.partitions()) leads.set(each.leader, (leads.get(each.leader) ?? 0) + 1);
  const items = model.brokerIds().map((id) => [id, id]);
  keyed(byId("brokers"), items, makeBroker, (card, id) => {
    fillBroker(card, model, id, leads.get(id) ?? 0);
  });
  drawCuts(model);
}

function makeBroker(id) {
  const parts = {
    state: pill(""),
    controller: pill("controller", "accent"),
    address: h("span"),
    leads: h("span"),
    acts: h("div", { class: "acts" }),
  };
  const title = h("h3", {}, `Broker ${id}`);
  const card = h("li", { class: "broker", "data-broker": id },
    h("div", { class: "head" }, title, parts.controller, parts.state),
    h("div", { class: "facts" }, parts.leads, parts.address),
    parts.acts);
  card.parts = parts;
  return card;
}

function fillBroker(card, model, id, leads) {
  const broker = model.brokers.get(id);
  const { parts } = card;
  const [word, tone] = condition(broker);
  setAttribute(card, "data-tone", tone);
  setAttribute(card, "data-state", broker.state);
  if (setText(parts.state, word) && card.isConnected) flash(card);
  setAttribute(parts.state, "data-tone", tone);
  parts.controller.hidden = model.controller !== id;
  setText(parts.leads, `leads ${counted(leads, "partition")}`);
  setText(parts.address, addresses.get(id) ?? "");
  const acts = ACTS[broker.state].map((act) => [act, act]);
  keyed(parts.acts, acts, (act) => makeAct(id, act), () => {});
}

function makeAct(id, act) {
  const [word, about] = WORDS[act];
  const button = h("button", {
    type: "button", title: about, "data-act": act, "aria-label": `${word} broker ${id}`,
    click: () => attempt(button, `Broker ${id}: ${act}`, () => api.post(`v1/brokers/${id}/${act}`)),
  }, word);
  return button;
}

// --- links -----------------------------------------------------------------------------------

function drawCuts(model) {
  const shown = [];
  for (const cut of [...model.cuts].sort()) {
    const [from, to] = cut.split(">").map(Number);
    if (!model.cuts.has(`${to}>${from}`)) shown.push([cut, `${from} → ${to} cut`]);
    else if (from < to) shown.push([cut, `${from} ↔ ${to} cut`]);
  }
  const most = 8;
  const items = shown.slice(0, most);
  if (shown.length > most) items.push(["more", `and ${shown.length - most} more`]);
  keyed(byId("cuts"), items, () => pill("", "bad"), setText);
  byId("heal").disabled = shown.length === 0;
}

/** Make the switches of the links work. */
export function startLinks(model) {
  const dialog = byId("cut-dialog");
  const sides = ["a", "b"];
  byId("heal").addEventListener("click", (event) => {
    attempt(event.currentTarget, "Links healed", () => api.post("v1/network/heal"), true);
  });
  byId("cut").addEventListener("click", () => {
    for (const side of sides) {
      byId(`side-${side}`).replaceChildren(...model.brokerIds().map((id) => {
        const box = h("input", { type: "checkbox", value: id });
        return h("label", { class: "check" }, box, `Broker ${id}`);
      }));
    }
    check();
    dialog.showModal();
  });
  const check = () => {
    const [a, b] = sides.map(chosen);
    const sound = a.length > 0 && b.length > 0 && !a.some((each) => b.includes(each));
    dialog.querySelector("[type=submit]").disabled = !sound;
  };
  dialog.addEventListener("change", check);
  dialog.querySelector("form").addEventListener("submit", () => {
    const [a, b] = sides.map(chosen);
    const body = { a, b, oneway: byId("oneway").checked };
    attempt(byId("cut"), "Links cut", () => api.post("v1/network/partition", body), true);
  });
}

function chosen(side) {
  const boxes = byId(`side-${side}`).querySelectorAll("input:checked");
  return [...boxes].map((box) => Number(box.value));
}
