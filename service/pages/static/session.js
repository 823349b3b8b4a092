// What scripts of pages send, with the form token of the session; a session that ended is found again after a log-in.
"use strict";
window.RetuneSession = class {
  constructor(address, token, who) {
    Object.assign(this, { address, token, who });
  }

  // The JSON of the answer. Throws { status, message }: status 0 if the server does not answer.
  async post(path, fields, { isLast = false } = {}) {
    try {
      return await this.#sent(path, fields, isLast);
    } catch (error) {
      if (error.status !== 403 || isLast) throw error;
      await this.renew();
      return this.#sent(path, fields, isLast);
    }
  }

  async renew() {
    const found = await this.get("session", {});
    this.token = found.form_token;
    this.who = found.who;
  }

  get(path, query) {
    return this.#answer(fetch(`${this.address}/${path}?${new URLSearchParams(query)}`, { signal: AbortSignal.timeout(15000) }));
  }

  #sent(path, fields, isLast) {
    const body = new URLSearchParams({ ...fields, form_token: this.token });
    const limit = isLast ? {} : { signal: AbortSignal.timeout(30000) };
    return this.#answer(fetch(`${this.address}/${path}`, { method: "POST", body, keepalive: isLast, ...limit }));
  }

  async #answer(asked) {
    let answer, content = null;
    try { answer = await asked; } catch { throw { status: 0, message: "The server does not answer." }; }
    try { content = await answer.json(); } catch { /* a proxy's page */ }
    if (answer.ok && content) return content;
    throw { status: answer.status || 0, message: content?.error?.message ?? "The server does not answer." };
  }
};
