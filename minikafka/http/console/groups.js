// Groups of consumers: who is in them, what each member reads, how far behind they are.

import * as api from "./api.js";
import { byId, count, counted, h, keyed, pill, setAttribute, setText } from "./dom.js";
import { Looker } from "./looking.js";
import { inWords } from "./notices.js";

const TONES = { Stable: "good", Empty: "plain", Dead: "bad" };
const ROWS_MAX = 500;

export class Groups {
  #looker = new Looker(() => this.#ask(), (error) => setText(byId("groups-about"), inWords(error)));

  look() {
    this.#looker.look();
  }

  async #ask() {
    const { groups, unanswered } = await api.get("v1/groups");
    setText(byId("groups-about"), said(groups.length, "group", unanswered));
    keyed(byId("groups"), groups.map((group) => [group.group_id, group]), makeGroup, fillGroup);
  }
}

/** Say how many there are, and who did not answer. */
export function said(number, noun, unanswered) {
  const all = number === 0 ? `There is no ${noun} yet.` : counted(number, noun);
  if (unanswered.length === 0) return all;
  return `${all}; no answer from broker ${unanswered.join(", ")}`;
}

function makeGroup(group) {
  const parts = {
    state: pill(""),
    lag: h("span", { class: "about" }),
    facts: h("span", { class: "about" }),
    inside: h("div", { class: "inside" }),
  };
  const card = h("details", { class: "group", "data-group": group.group_id },
    h("summary", {}, h("strong", {}, group.group_id), parts.state, parts.facts, parts.lag),
    parts.inside);
  card.parts = parts;
  card.addEventListener("toggle", () => fillInside(card));
  return card;
}

function fillGroup(card, group) {
  const { parts } = card;
  card.group = group;
  const lags = group.offsets.map((each) => each.lag).filter((lag) => lag !== null);
  const lag = lags.reduce((sum, each) => sum + each, 0);
  setText(parts.state, group.state);
  setAttribute(parts.state, "data-tone", TONES[group.state] ?? "warn");
  const facts = [group.type, counted(group.members.length, "member"), `coordinator ${group.coordinator}`];
  setText(parts.facts, facts.join(" · "));
  setText(parts.lag, lags.length === 0 ? "nothing committed" : `${counted(lag, "record")} behind`);
  fillInside(card);
}

function fillInside(card) {
  if (!card.open) return;
  const { group } = card;
  const tables = [];
  if (group.members.length > 0) {
    tables.push(["members", [["Member", "Client", "Host", "Reads"], group.members.map(memberRow)]]);
  }
  if (group.offsets.length > 0) {
    const sorted = [...group.offsets].sort(
      (a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition,
    );
    const rows = sorted.slice(0, ROWS_MAX).map(offsetRow);
    tables.push(["offsets", [["Partition", "Committed", "Watermark", "Behind"], rows]]);
  }
  keyed(card.parts.inside, tables, makeTable, fillTable);
}

function memberRow(member) {
  const reads = member.assignment.map((each) => `${each.topic}: ${each.partitions.join(", ")}`);
  return [
    member.instance_id ?? member.member_id, member.client_id, member.client_host.replace("/", ""),
    reads.join("; ") || "nothing",
  ];
}

function offsetRow(each) {
  return [
    `${each.topic}-${each.partition}`, count(each.committed_offset), count(each.high_watermark),
    count(each.lag),
  ];
}

/** Make a table whose rows are filled by `fillTable`; numbers stand at its right. */
export function makeTable([heads]) {
  const right = (n) => (["Committed", "Watermark", "Behind"].includes(heads[n]) ? "right" : "wrap");
  const body = h("tbody");
  const head = h("tr", {}, ...heads.map((text, n) => h("th", { class: right(n), scope: "col" }, text)));
  const table = h("div", { class: "scroll" }, h("table", {}, h("thead", {}, head), body));
  table.body = body;
  table.right = right;
  return table;
}

/** Fill a table: the first cell of a row is its key. */
export function fillTable(table, [, rows]) {
  keyed(table.body, rows.map((row) => [row[0], row]),
    (row) => h("tr", {}, ...row.map((_, n) => h("td", { class: table.right(n) }))),
    (line, row) => row.forEach((text, n) => setText(line.children[n], text)));
}
