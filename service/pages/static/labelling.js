// One text, or one group of near texts, after the other; answers go to the outbox, which loses none.
"use strict";
(() => {
  const RENEW_MS = 60000, LOW = 6, SHOWN_CHARS = 1200, UNDOABLE = 50, SPACE = " ";
  const root = document.getElementById("labelling");
  if (!root || !window.RetuneOutbox) return;
  const { address, model, kind, token, who, again } = root.dataset;
  const part = id => document.getElementById(id);
  const isMulti = kind === "multi-label";

  const session = new RetuneSession(address, token, who);
  const outbox = new RetuneOutbox(session, model, { onState: showState, onTold, onProgress: showProgress });
  const choices = new RetuneChoices({ list: part("choices"), search: part("search"), onChoose: choose, onNew: askNew, onSay: say });
  const kept = kept_in(() => sessionStorage), settings = kept_in(() => localStorage);
  let tab = kept.get("retune.tab") || newTab();
  let queue = [], done = kept.json(`retune.done.${model}`, []), later = kept.json(`retune.later.${model}`, []);
  let chosen = new Set(), out = new Set(), question = null, isFetching = false, isStale = false, none = "", first = null, timer = null;
  const answered = new Set();

  // ---- what the browser keeps

  function kept_in(storage) {
    const held = new Map();
    return {
      get(key) { try { return storage().getItem(key) ?? held.get(key) ?? ""; } catch { return held.get(key) ?? ""; } },
      set(key, value) { held.set(key, value); try { storage().setItem(key, value); } catch { /* private windows */ } },
      json(key, otherwise) { try { return JSON.parse(this.get(key)) ?? otherwise; } catch { return otherwise; } },
    };
  }

  function newTab() {
    const made = [...crypto.getRandomValues(new Uint8Array(12))].map(byte => byte.toString(16).padStart(2, "0")).join("");
    kept.set("retune.tab", made);
    return made;
  }

  // A window that was duplicated has the other one's storage: it gets texts of its own.
  const windows = window.BroadcastChannel ? new BroadcastChannel("retune.tabs") : null;
  windows?.addEventListener("message", ({ data }) => {
    if (data.tab !== tab) return;
    if (data.kind === "mine?") windows.postMessage({ kind: "taken", tab });
    else if (data.kind === "taken" && !queue.length) { tab = newTab(); fetchTexts(); }
  });
  windows?.postMessage({ kind: "mine?", tab });

  const name = () => part("who")?.value.trim() ?? "";
  const isShown = () => part("suggest").checked;
  if (part("who")) part("who").value = settings.get("retune.name");
  part("suggest").checked = settings.get("retune.suggest") !== "no";
  part("who")?.addEventListener("change", () => { settings.set("retune.name", name()); fetchTexts(); });
  part("suggest").addEventListener("change", () => { settings.set("retune.suggest", isShown() ? "yes" : "no"); show(); });

  // ---- texts

  async function fetchTexts() {
    isStale = isFetching; // what is on its way may be from before the answers that were stored meanwhile
    if (isFetching) return;
    isFetching = true;
    clearTimeout(timer);
    timer = setTimeout(fetchTexts, RENEW_MS);
    try {
      const have = JSON.stringify(queue.map(item => item.key));
      const found = await session.post("next", { tab, name: name(), have, first: first ?? "", later: JSON.stringify(later), again: again ?? "" });
      take(found);
    } catch (error) {
      clearTimeout(timer);
      timer = setTimeout(fetchTexts, 4000);
      if (!queue.length) nothing(error.status === 401 ? "Your session has ended. Log in to go on." : `No texts now: ${error.message}`);
      if (error.status === 401) showState({ kind: "ended", words: "", count: outbox.waiting().length, others: [] });
    } finally {
      isFetching = false;
    }
    if (isStale) fetchTexts();
  }

  // Somebody else logged in: this page would label under their name.
  function leaveToOther() {
    queue = [];
    show();
    nothing(`${session.who} is logged in now. Load the page again to label as ${session.who}.`);
  }

  function take(found) {
    if (session.who !== who) { leaveToOther(); return; }
    const before = queue[0]?.key, known = new Map(queue.map(item => [item.key, item]));
    const waiting = new Set(outbox.waiting().flatMap(([, answer]) => answer.predictions ?? []));
    const fresh = found.texts.map(item => known.get(item.key) ?? item)
      .filter(item => item.texts && !answered.has(item.key) && !waiting.has(item.key));
    const places = new Map(queue.map((item, place) => [item.key, place]));
    const place = item => item.key === first ? -1 : places.get(item.key) ?? queue.length + (later.includes(item.key) ? 1000 : 0);
    queue = fresh.sort((one, other) => place(one) - place(other));
    first = queue.some(item => item.key === first) ? null : first;
    if (again) part("words").textContent = `${found.left} texts of others may get a second answer.`;
    showProgress(found.progress);
    none = found.texts.length ? "" : found.none;
    if (before && queue[0]?.key !== before && !queue.some(item => item.key === before))
      say("Another person got the text that was here while this page was away.");
    if (queue[0]?.key !== before || !before) show();
  }

  function showProgress({ asked, given, words }) {
    if (again) return;
    part("words").textContent = words;
    if (part("share")) Object.assign(part("share"), { max: Math.max(1, asked), value: given });
  }

  // ---- what is shown

  function show() {
    const item = queue[0];
    part("task").hidden = !item;
    part("empty").hidden = Boolean(item);
    question = null;
    part("ask").hidden = true;
    if (!item) {
      nothing(!none ? "Fetching texts…" : again ? "No text waits for a second answer." : none);
      return;
    }
    chosen = new Set(isMulti && isShown() ? item.suggested : []);
    out = new Set();
    part("texts").replaceChildren(...item.texts.map((text, place) => textPart(text, place, item.texts.length)));
    showSuggestion(item);
    if (isMulti) choices.mark(chosen);
    const focused = document.activeElement;
    if (focused !== part("search") && focused !== part("who")) part("task").focus({ preventScroll: true });
    const top = part("task").getBoundingClientRect().top;
    if (top < 0 || top > innerHeight / 2) part("task").scrollIntoView({ block: "start" });
  }

  function nothing(words) {
    part("nothing").textContent = words;
  }

  function textPart(text, place, count) {
    const box = element("div", { className: "text" });
    box.dataset.id = text.id;
    if (count > 1 && place > 0) {
      const mark = element("input", { type: "checkbox", checked: true });
      mark.addEventListener("change", () => takeOut(place, !mark.checked));
      const label = element("label", { className: "small soft" });
      label.append(mark, ` the same as the first text (Shift+${place + 1})`);
      box.append(label);
    }
    for (const [part, words] of text.pair === null ? [[text.text, ""]] : [[text.text, "First"], [text.pair, "Second"]]) {
      if (words) box.append(element("p", { className: "small soft", textContent: words }));
      box.append(...shortened(part));
    }
    return box;
  }

  function shortened(text) {
    if (!text) return [element("p", { className: "soft", textContent: "The text is not kept." })];
    if (text.length <= SHOWN_CHARS) return [element("p", { className: "words", dir: "auto", textContent: text })];
    const whole = element("details", {});
    whole.append(element("summary", { textContent: `The whole text (${text.length.toLocaleString("en")} characters)` }));
    whole.append(element("p", { className: "words", dir: "auto", textContent: text }));
    return [element("p", { className: "words", dir: "auto", textContent: `${text.slice(0, SHOWN_CHARS)}…` }), whole];
  }

  function showSuggestion(item) {
    const others = isShown() ? item.ranked.filter(label => isMulti || !item.suggested.includes(label)).slice(0, 9) : [];
    part("ranked").replaceChildren(...others.map((label, place) => {
      const button = element("button", { type: "button" });
      button.append(element("kbd", { textContent: place + 1 }), " ", element("span", { dir: "auto", textContent: label }));
      button.addEventListener("click", () => choose(label));
      const item = element("li", {});
      item.append(button);
      return item;
    }));
    showTake(item);
  }

  function showTake(item) {
    const labels = isMulti ? [...chosen] : isShown() ? item.suggested : [];
    const button = part("take");
    button.hidden = !isMulti && !labels.length;
    const words = labels.join(", ") || "no label";
    const share = isShown() && !isMulti ? ` ${Math.round(item.score * 100)} %` : "";
    button.replaceChildren(element("kbd", { textContent: "Enter" }), " ", element("span", { dir: "auto", textContent: words }), share);
  }

  function element(kind, facts) {
    return Object.assign(document.createElement(kind), facts);
  }

  function say(words) {
    part("told").textContent = words;
  }

  // ---- answers

  function takeOut(place, isOut) {
    const id = queue[0].texts[place].id;
    out[isOut ? "add" : "delete"](id);
    const mark = part("texts").children[place].querySelector("input");
    mark.checked = !isOut;
    part("texts").children[place].classList.toggle("out", isOut);
  }

  function choose(label) {
    if (!queue[0]) return;
    if (!isMulti) { give({ said: "label", label }); return; }
    chosen[chosen.has(label) ? "delete" : "add"](label);
    choices.mark(chosen);
    showTake(queue[0]);
    part("task").focus({ preventScroll: true });
  }

  function takeSuggestion() {
    const item = queue[0];
    if (isMulti && chosen.size) give({ said: "label", label: [...chosen] });
    else if (isMulti && isShown() && !item.suggested.length) give({ said: "label", label: [] });
    else if (isMulti) ask("No label at all?", () => give({ said: "label", label: [] }));
    else if (isShown() && item.suggested.length) give({ said: "label", label: item.suggested[0] });
    else say("No label is suggested here: type its two letters, or / and its name.");
  }

  function give({ said, label, is_meant = false }) {
    const item = queue.shift();
    const predictions = item.texts.map(text => text.id).filter(id => !out.has(id));
    const id = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${newId()}`;
    answered.add(item.key);
    first = null;
    done = [...done, { id, key: item.key }].slice(-UNDOABLE);
    kept.set(`retune.done.${model}`, JSON.stringify(done));
    const told = said === "label" ? [label].flat().join(", ") || "no label" : said === "left" ? "left to others" : "cannot tell";
    say(`${told}: “${item.texts[0].text.slice(0, 60)}${item.texts[0].text.length > 60 ? "…" : ""}”`);
    const facts = said === "label" ? { label, is_meant, is_second: Boolean(again) } : {};
    outbox.add({ id, said, predictions, name: name(), ...facts });
    choices.clear();
    show();
  }

  function newId() {
    return [...crypto.getRandomValues(new Uint32Array(3))].map(part => part.toString(36)).join("");
  }

  function skip() {
    const item = queue.shift();
    done = [...done, { later: true, key: item.key }].slice(-UNDOABLE);
    kept.set(`retune.done.${model}`, JSON.stringify(done));
    later = [...later.filter(key => key !== item.key), item.key].slice(-200);
    kept.set(`retune.later.${model}`, JSON.stringify(later));
    say("It comes again later.");
    show();
    fetchTexts();
  }

  function undo() {
    const last = done.pop();
    if (!last) { say("Nothing to take back in this window."); return; }
    kept.set(`retune.done.${model}`, JSON.stringify(done));
    answered.delete(last.key);
    first = last.key;
    say("Taken back.");
    if (last.later) {
      later = later.filter(key => key !== last.key);
      kept.set(`retune.later.${model}`, JSON.stringify(later));
      fetchTexts();
      return;
    }
    outbox.add({ id: last.id, said: "undo", name: name() });
  }

  async function askNew(label) {
    let found = { label, is_known: false, doubt: "" };
    try { found = await session.get("name", { label }); } catch { /* it is weighed when the server is there again */ }
    if (found.problem) { say(found.problem); return; }
    if (found.is_known) { choices.add(found.label); choose(found.label); return; }
    const words = found.doubt ? `${found.doubt} A new label “${found.label}” all the same?` : `A new label “${found.label}”?`;
    ask(words, () => {
      choices.add(found.label);
      choices.clear();
      if (isMulti) choose(found.label); else give({ said: "label", label: found.label, is_meant: Boolean(found.doubt) });
    });
  }

  function ask(words, onYes) {
    question = onYes;
    const yes = element("button", { type: "button", className: "prompt" }), no = element("button", { type: "button" });
    yes.append(element("kbd", { textContent: "Enter" }), " yes");
    no.append(element("kbd", { textContent: "Esc" }), " no");
    yes.addEventListener("click", () => { const call = question; unask(); call?.(); });
    no.addEventListener("click", unask);
    part("ask").replaceChildren(element("span", { dir: "auto", textContent: words }), " ", yes, " ", no);
    part("ask").hidden = false;
    part("task").focus({ preventScroll: true });
  }

  function unask() {
    question = null;
    part("ask").hidden = true;
  }

  function onTold(answer, outcome) {
    if (outcome?.told) {
      const item = element("li", {});
      item.append(element("span", { className: "soft", textContent: answer.label ? `${[answer.label].flat().join(", ")}: ` : "" }), outcome.told);
      part("news").prepend(item);
      while (part("news").children.length > 20) part("news").lastChild.remove();
    }
    if (outcome?.status === "refused") answered.delete(answer.predictions?.[0]);
    if (["undone", "refused"].includes(outcome?.status) || queue.length < LOW) fetchTexts();
  }

  function showState({ kind, words, count, others }) {
    const wait = count === 1 ? "1 answer waits" : `${count} answers wait`;
    const place = part("waiting");
    place.classList.toggle("alerting", kind === "away" || kind === "ended");
    if (kind === "ended") {
      const link = element("a", { href: `${address}${location.search}`, target: "_blank", rel: "noopener", textContent: "Log in in another tab" });
      place.replaceChildren(`Your session has ended${count ? `; ${wait} in this browser` : ""}. `, link, count ? ", then they are sent." : ".");
    } else if (kind === "away") {
      place.textContent = `${wait} in this browser: ${words}`;
    } else if (others.length) {
      place.textContent = `${wait} in this browser until ${others.join(", ")} logs in.`;
    } else {
      place.textContent = count ? `${wait} to be stored` : "All answers are stored.";
    }
  }

  // ---- keys

  const ACTS = { cannot_tell: () => give({ said: "cannot_tell" }), skip, left: () => give({ said: "left" }), undo, help };
  const KEYS = { s: "skip", x: "left" };

  function help() {
    part("help").open = !part("help").open;
    (part("help").open ? part("help") : part("task")).scrollIntoView({ block: "nearest" });
  }

  function act(which) {
    if (which !== "undo" && which !== "help" && !queue[0]) return;
    unask();
    choices.clear();
    ACTS[which]();
  }

  // The letter on a keyboard of another script stands for the one in its place.
  function letterOf(event) {
    if (/^[a-zA-Z]$/.test(event.key)) return event.key.toLowerCase();
    return event.code.startsWith("Key") && event.key.length === 1 ? event.code.slice(3).toLowerCase() : "";
  }

  function onKey(event) {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || target.matches("input:not([type=checkbox]), textarea, select")) return;
    if ((event.key === "Enter" || event.key === SPACE) && target.matches("button, a, summary, input") && target !== part("take")) return;
    if (event.repeat) { if (event.key === SPACE && queue[0]) event.preventDefault(); return; }
    if (handled(event)) event.preventDefault();
  }

  function handled(event) {
    const key = event.key, isTaking = key === "Enter" || key === SPACE;
    if (question && isTaking) { const call = question; unask(); call(); return true; }
    if (key === "Escape") { unask(); choices.clear(); say(""); return true; }
    if (key === "u" && !choices.isTyping) { act("undo"); return true; }
    if (key === "h" && !choices.isTyping) { act("help"); return true; }
    if (!queue[0]) return false;
    if (isTaking) { choices.clear(); takeSuggestion(); return true; }
    if (key === "/") { choices.clear(); choices.find(); return true; }
    if (key === ".") { part("suggest").click(); return true; }
    if (key === "?") { act("cannot_tell"); return true; }
    if (event.shiftKey && /^Digit[2-9]$/.test(event.code)) return takenOut(Number(event.code.slice(5)) - 1);
    if (/^[1-9]$/.test(key)) { part("ranked").children[key - 1]?.querySelector("button").click(); return true; }
    const letter = letterOf(event);
    if (!letter) return false;
    if (!choices.isTyping && KEYS[letter]) { act(KEYS[letter]); return true; }
    return choices.letter(letter);
  }

  function takenOut(place) {
    if (!queue[0].texts[place]) return false;
    takeOut(place, !out.has(queue[0].texts[place].id));
    return true;
  }

  document.addEventListener("keydown", onKey);
  root.querySelector(".acts").addEventListener("click", event => {
    const button = event.target.closest("button");
    if (button) act(button.dataset.act);
  });
  part("take").addEventListener("click", () => { if (queue[0]) takeSuggestion(); });
  addEventListener("online", () => { outbox.flush(); fetchTexts(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { outbox.flush(); fetchTexts(); } });
  addEventListener("pagehide", () => {
    outbox.flushLast();
    session.post("release", { tab, name: name() }, { isLast: true }).catch(() => {});
  });
  addEventListener("pageshow", event => { if (event.persisted) fetchTexts(); });

  outbox.flush();
  fetchTexts();
})();
