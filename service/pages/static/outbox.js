// Answers that the server has not stored yet, in this browser. Each has a key of its own, so that windows share them.
"use strict";
window.RetuneOutbox = class {
  static PAUSES_MS = [1000, 2000, 4000, 8000, 15000];
  #atOnce = 40;
  #sending = false;
  #tries = 0;
  #timer = null;
  #count = 0;
  #kept = new Map(); // where the browser stores nothing

  constructor(session, model, { onState, onTold, onProgress }) {
    Object.assign(this, { session, onState, onTold, onProgress });
    this.owner = session.who; // a page belongs to who loaded it, whoever logs in later
    this.prefix = `retune.answer.${model}.`;
    addEventListener("storage", event => { if (event.key?.startsWith(this.prefix) && !this.#sending) this.#state(""); });
  }

  add(answer) {
    const key = `${this.prefix}${String(Date.now()).padStart(15, "0")}.${String(this.#count++).padStart(6, "0")}.${answer.id}`;
    const text = JSON.stringify({ ...answer, who: this.owner });
    try { localStorage.setItem(key, text); } catch { this.#kept.set(key, text); }
    this.flush();
  }

  // [key, answer] of all that wait, in the order in which they were given.
  waiting() {
    const keys = [...this.#kept.keys()];
    try { keys.push(...Object.keys(localStorage).filter(key => key.startsWith(this.prefix))); } catch { /* none */ }
    return keys.sort().flatMap(key => {
      try { return [[key, JSON.parse(this.#kept.get(key) ?? localStorage.getItem(key))]]; } catch { return []; }
    });
  }

  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      const send = () => this.#sendAll();
      await (navigator.locks ? navigator.locks.request(this.prefix, send) : send());
      this.#tries = 0;
      this.#state("");
    } catch (error) {
      if (error.status === 413) this.#atOnce = Math.max(1, Math.floor(this.#atOnce / 2));
      this.#state(error.status === 401 ? "ended" : "away", error.message);
      const pauses = window.RetuneOutbox.PAUSES_MS;
      this.#timer = setTimeout(() => this.flush(), pauses[Math.min(this.#tries++, pauses.length - 1)]);
      if (error.status === 401) this.session.renew().catch(() => {});
    } finally {
      this.#sending = false;
    }
    if (!this.#tries && this.#next().length) this.flush();
  }

  // When the page is left: without waiting for an answer; what was stored is told when it is sent again.
  flushLast() {
    const batch = this.#next();
    if (batch.length) this.#sent(batch, true).catch(() => {});
  }

  async #sendAll() {
    if (this.waiting().some(([, answer]) => answer.who !== this.session.who)) await this.session.renew();
    for (let batch = this.#next(); batch.length; batch = this.#next()) {
      this.#state("sending");
      const { answers, progress } = await this.#sent(batch, false);
      batch.forEach(([key, answer], place) => {
        this.#forget(key);
        this.onTold(answer, answers[place]);
      });
      this.onProgress(progress);
    }
  }

  #sent(batch, isLast) {
    const name = batch[0][1].name ?? "";
    const answers = JSON.stringify(batch.map(([, { name: _, who: __, ...answer }]) => answer));
    return this.session.post("answers", { name, who: batch[0][1].who, answers }, { isLast });
  }

  // The first answers that one person gave under one name; those of another session wait for its log-in.
  #next() {
    const mine = this.waiting().filter(([, answer]) => answer.who === this.session.who);
    const name = mine[0]?.[1].name ?? "";
    const end = mine.findIndex(([, answer]) => (answer.name ?? "") !== name);
    return mine.slice(0, Math.min(end < 0 ? mine.length : end, this.#atOnce));
  }

  #forget(key) {
    this.#kept.delete(key);
    try { localStorage.removeItem(key); } catch { /* it was not there */ }
  }

  #state(kind, words = "") {
    const waiting = this.waiting();
    const others = [...new Set(waiting.map(([, answer]) => answer.who).filter(who => who !== this.session.who))];
    this.onState({ kind, words, count: waiting.length, others });
  }
};
