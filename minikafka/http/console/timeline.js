// What has happened, newest first, in sentences. What happens to many at once is one line.

import { byId, clock, counted, h, keyed } from "./dom.js";

const KEPT = 400;
const SHOWN = 150;
const TOGETHER = 3;

const TOLD = {
  leader: (e) => {
    const to = e.leader === null ? "nobody" : `broker ${e.leader}`;
    const from = e.previous === null ? "" : ` instead of ${e.previous}`;
    return [`${place(e)} is led by ${to}${from}`, `epoch ${e.leader_epoch}`, e.leader === null ? "bad" : "accent"];
  },
  isr: (e) => {
    const gone = e.previous.filter((each) => !e.isr.includes(each));
    const back = e.isr.filter((each) => !e.previous.includes(each));
    const what = [];
    if (gone.length > 0) what.push(`ISR shrinks by ${gone.join(", ")}`);
    if (back.length > 0) what.push(`ISR grows by ${back.join(", ")}`);
    const tone = gone.length > 0 ? "warn" : "good";
    return [`${place(e)}: ${what.join("; ") || "ISR"}`, `in sync: ${e.isr.join(", ") || "nobody"}`, tone];
  },
  replicas: (e) => [`${place(e)} has its replicas on ${e.replicas.join(", ")}`, "", "plain"],
  broker: (e) => {
    const fenced = e.fenced === true ? ", fenced" : e.fenced === null ? ", unregistered" : "";
    const tone = e.state === "down" ? "bad" : e.state === "paused" || e.fenced !== false ? "warn" : "good";
    return [`Broker ${e.id} is ${e.state}${fenced}`, "", tone];
  },
  controller: (e) => {
    const now = e.broker === null ? "There is no controller" : `Broker ${e.broker} is the controller`;
    return [now, e.previous === null ? "" : `before: ${e.previous}`, e.broker === null ? "bad" : "accent"];
  },
  topic_created: (e) => [`Topic ${e.topic} is there`, counted(e.partitions, "partition"), "plain"],
  topic_deleted: (e) => [`Topic ${e.topic} is gone`, "", "plain"],
  partition: (e) => {
    const arrow = e.oneway ? "→" : "↔";
    return [`Links are cut: ${e.a.join(", ")} ${arrow} ${e.b.join(", ")}`, "", "bad"];
  },
  heal: () => ["All links are healed", "", "good"],
};

const MANY = {
  leader: (list) => {
    const from = common(list.map((e) => e.previous));
    const led = list.some((e) => e.leader === null) ? "lose their leader" : "have a new leader";
    return `${counted(list.length, "partition")} ${led}${from === undefined ? "" : ` instead of ${from ?? "none"}`}`;
  },
  isr: (list) => {
    const gone = common(list.map((e) => e.previous.filter((each) => !e.isr.includes(each)).join(", ")));
    const back = common(list.map((e) => e.isr.filter((each) => !e.previous.includes(each)).join(", ")));
    const isrs = counted(list.length, "ISR");
    if (gone && back === "") return `${isrs} shrink by ${gone}`;
    if (back && gone === "") return `${isrs} grow by ${back}`;
    return `${isrs} change`;
  },
  replicas: (list) => `${counted(list.length, "partition")} have other replicas`,
};

/** What all of them are; undefined where they are not all the same. */
function common(values) {
  return values.every((each) => each === values[0]) ? values[0] : undefined;
}

function place(event) {
  return `${event.topic}-${event.partition}`;
}

export class Timeline {
  #lines = [];
  #number = 0;
  #held = null;
  #drawn = null;
  #fresh = new Set(); // topics that were not there at the look before, which comes in pieces
  #lookMs = 0;

  constructor() {
    byId("kinds").addEventListener("change", () => this.draw(true));
    byId("hold").addEventListener("click", (event) => {
      this.#held = this.#held === null ? [...this.#lines] : null;
      event.currentTarget.setAttribute("aria-pressed", String(this.#held !== null));
      this.draw(true);
    });
  }

  /** Take in events of one piece, [kind, data] each; a topic that is new is told by itself. */
  add(events) {
    const byKind = new Map();
    for (const [kind, data] of events) {
      if (data.time_ms !== this.#lookMs) {
        this.#lookMs = data.time_ms;
        this.#fresh.clear();
      }
      if (kind === "topic_created") this.#fresh.add(data.topic);
      if (TOLD[kind] === undefined) continue;
      const born = data.previous === null || data.previous?.length === 0;
      if (kind in MANY && (this.#fresh.has(data.topic) || (born && kind !== "leader"))) continue;
      const key = `${kind} ${data.time_ms}`;
      if (!byKind.has(key)) byKind.set(key, []);
      byKind.get(key).push(data);
    }
    for (const [key, list] of byKind) this.#tell(key, list);
    this.#lines.splice(KEPT);
  }

  draw(anew = false) {
    const lines = this.#held ?? this.#lines;
    if (!anew && this.#drawn === lines[0]) return;
    this.#drawn = lines[0];
    const kinds = byId("kinds").value.split(" ");
    const wanted = kinds[0] === "" ? lines : lines.filter((line) => kinds.includes(line.kind));
    const items = wanted.slice(0, SHOWN).map((line) => [line.number, line]);
    keyed(byId("timeline"), items, makeLine, () => {});
    byId("no-events").hidden = items.length > 0;
  }

  #tell(key, some) {
    const kind = key.split(" ")[0];
    // What was seen at once may come in several pieces.
    const before = kind in MANY ? this.#lines.filter((line) => line.key === key) : [];
    const list = [...before.flatMap((line) => line.list), ...some];
    this.#lines = this.#lines.filter((line) => !before.includes(line));
    if (kind in MANY && list.length > TOGETHER) {
      const [, , tone] = TOLD[kind](list[0]);
      const shown = [...list].sort((a, b) => a.topic.startsWith("__") - b.topic.startsWith("__"));
      const names = shown.slice(0, TOGETHER).map(place).join(", ");
      this.#push({ kind, key, list, timeMs: list[0].time_ms, what: MANY[kind](list), more: `${names} …`, tone });
      return;
    }
    for (const each of list) {
      const [what, more, tone] = TOLD[kind](each);
      this.#push({ kind, key, list: [each], timeMs: each.time_ms, what, more, tone });
    }
  }

  #push(line) {
    this.#number += 1;
    this.#lines.unshift({ ...line, number: this.#number });
  }
}

function makeLine(line) {
  const time = new Date(line.timeMs);
  return h("li", { "data-tone": line.tone, "data-kind": line.kind, "data-time": line.timeMs },
    h("div", {},
      h("div", { class: "what" }, line.what),
      h("div", { class: "more" },
        h("time", { class: "when", datetime: time.toISOString() }, clock(time)),
        line.more === "" ? null : ` · ${line.more}`)));
}
