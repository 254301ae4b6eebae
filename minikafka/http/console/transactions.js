// Transactional ids, as their coordinators see them.

import * as api from "./api.js";
import { byId, duration, keyed, setText } from "./dom.js";
import { fillTable, makeTable, said } from "./groups.js";
import { Looker } from "./looking.js";
import { inWords } from "./notices.js";

const HEADS = ["Transactional id", "State", "Since", "Timeout", "Producer", "Coordinator", "Partitions"];

export class Transactions {
  #looker = new Looker(
    () => this.#ask(),
    (error) => setText(byId("transactions-about"), inWords(error)),
  );

  look() {
    this.#looker.look();
  }

  async #ask() {
    const { transactions, unanswered } = await api.get("v1/transactions");
    setText(byId("transactions-about"), said(transactions.length, "transactional id", unanswered));
    const tables = transactions.length === 0 ? [] : [["all", [HEADS, transactions.map(row)]]];
    keyed(byId("transactions"), tables, makeTable, fillTable);
  }
}

function row(each) {
  const began = each.start_time_ms;
  return [
    each.transactional_id,
    each.state,
    began === null || each.state !== "Ongoing" ? "–" : duration(Date.now() - began),
    duration(each.timeout_ms),
    `${each.producer_id}, epoch ${each.producer_epoch}`,
    `broker ${each.coordinator}`,
    each.partitions.map((topic) => `${topic.topic}: ${topic.partitions.join(", ")}`).join("; ") || "none",
  ];
}
