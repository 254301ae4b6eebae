// The cluster as the feed tells it. Knows no page, so that it can be tried without one.

const INTERNAL = new Set(["__consumer_offsets", "__transaction_state", "__share_group_state"]);
const RATE_MS = 1_000;
const STILL_MS = 2_500;

class Partition {
  constructor(topic, number) {
    this.topic = topic;
    this.number = number;
    this.leader = null;
    this.leaderEpoch = -1;
    this.replicas = [];
    this.isr = [];
    this.highWatermark = null;
    this.ends = {};
    this.rate = 0;
    this.sample = null;
    this.movedAt = 0;
    this.version = 0;
  }

  get underReplicated() {
    return this.isr.length < this.replicas.length;
  }

  /** How far a replica is behind the leader; null where one of them cannot be seen. */
  lag(broker) {
    const end = this.ends[broker];
    const leaders = this.leader === null ? undefined : this.ends[this.leader];
    return end === undefined || leaders === undefined ? null : Math.max(0, leaders - end);
  }

  moved(timeMs, line) {
    this.highWatermark = line.high_watermark;
    this.ends = line.log_end_offsets;
    this.version += 1;
    this.movedAt = performance.now();
    if (this.highWatermark === null) {
      this.rate = 0;
      this.sample = null;
    } else if (this.sample === null || this.highWatermark < this.sample.offset) {
      this.sample = { timeMs, offset: this.highWatermark };
    } else if (timeMs - this.sample.timeMs >= RATE_MS) {
      const perMs = (this.highWatermark - this.sample.offset) / (timeMs - this.sample.timeMs);
      this.rate = perMs * 1_000;
      this.sample = { timeMs, offset: this.highWatermark };
    }
  }
}

/** Brokers, topics and links of now. */
export class Model {
  constructor() {
    this.clusterId = "";
    this.controller = null;
    this.brokers = new Map();
    this.topics = new Map();
    this.cuts = new Set();
    this.shape = 0;
    this.timeMs = 0;
  }

  /** Take an event in; return nothing: `shape` counts what is more than offsets. */
  apply(kind, data) {
    this.timeMs = data.time_ms;
    if (kind === "offsets") return this.#offsets(data);
    this.shape += 1;
    const act = ACTS[kind];
    if (act !== undefined) act(this, data);
  }

  topicNames() {
    return [...this.topics.keys()].sort();
  }

  brokerIds() {
    return [...this.brokers.keys()].sort((a, b) => a - b);
  }

  /** Every partition, or those of a topic. */
  partitions(topic) {
    if (topic !== undefined) return this.topics.get(topic)?.partitions ?? [];
    return [...this.topics.values()].flatMap((each) => each.partitions);
  }

  partition(topic, number) {
    return this.partitions(topic)[number];
  }

  isInternal(topic) {
    return INTERNAL.has(topic);
  }

  /** The whole in a few numbers. */
  summary() {
    const all = this.partitions();
    const brokers = [...this.brokers.values()];
    return {
      brokers: brokers.length,
      up: brokers.filter((each) => each.state === "up").length,
      partitions: all.length,
      underReplicated: all.filter((each) => each.underReplicated).length,
      leaderless: all.filter((each) => each.leader === null).length,
    };
  }

  leads(broker) {
    return this.partitions().filter((each) => each.leader === broker).length;
  }

  /** Records a second, over all topics that are not Kafka's own. */
  rate() {
    let sum = 0;
    for (const topic of this.topics.values()) {
      if (topic.internal) continue;
      for (const each of topic.partitions) sum += each.rate;
    }
    return sum;
  }

  /** Forget the rates of what has stood still for a while; say whether there were any. */
  settle() {
    let any = false;
    const now = performance.now();
    for (const each of this.partitions()) {
      if (each.rate > 0 && now - each.movedAt > STILL_MS) {
        each.rate = 0;
        each.version += 1;
        any = true;
      }
    }
    return any;
  }

  place(data) {
    const topic = this.topic(data.topic);
    for (let number = topic.partitions.length; number <= data.partition; number += 1) {
      topic.partitions.push(new Partition(data.topic, number));
    }
    const found = topic.partitions[data.partition];
    found.version += 1;
    return found;
  }

  topic(name) {
    let topic = this.topics.get(name);
    if (topic === undefined) {
      topic = { name, internal: this.isInternal(name), partitions: [] };
      this.topics.set(name, topic);
    }
    return topic;
  }

  #offsets(data) {
    for (const [name, lines] of Object.entries(data.topics)) {
      for (const line of lines) {
        this.place({ topic: name, partition: line.partition }).moved(data.time_ms, line);
      }
    }
  }
}

const ACTS = {
  hello(model, data) {
    model.clusterId = data.cluster_id;
    model.controller = data.controller;
    model.brokers = new Map(data.brokers.map((each) => [each.id, each]));
    model.topics = new Map();
    model.cuts = new Set(data.cuts.map(([from, to]) => `${from}>${to}`));
    for (const each of data.partitions) {
      const found = model.place(each);
      found.leader = each.leader;
      found.leaderEpoch = each.leader_epoch;
      found.replicas = each.replicas;
      found.isr = each.isr;
    }
  },
  leader(model, data) {
    const found = model.place(data);
    found.leader = data.leader;
    found.leaderEpoch = data.leader_epoch;
  },
  isr(model, data) {
    model.place(data).isr = data.isr;
  },
  replicas(model, data) {
    model.place(data).replicas = data.replicas;
  },
  broker(model, data) {
    model.brokers.set(data.id, { id: data.id, state: data.state, fenced: data.fenced });
    if (data.state !== "down") return;
    // Where its replicas stand cannot be seen any more.
    for (const each of model.partitions()) {
      if (each.ends[data.id] === undefined) continue;
      each.ends = { ...each.ends };
      delete each.ends[data.id];
      each.version += 1;
    }
  },
  controller(model, data) {
    model.controller = data.broker;
  },
  topic_created(model, data) {
    model.topics.delete(data.topic);
    model.topic(data.topic);
  },
  topic_deleted(model, data) {
    model.topics.delete(data.topic);
  },
  partition(model, data) {
    for (const a of data.a) {
      for (const b of data.b) {
        model.cuts.add(`${a}>${b}`);
        if (!data.oneway) model.cuts.add(`${b}>${a}`);
      }
    }
  },
  heal(model) {
    model.cuts.clear();
  },
};
