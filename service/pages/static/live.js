// Keeps the parts of a page that say data-live="URL OF EVENTS" as the server would now write them.
"use strict";
(() => {
  const PAUSE_MS = 400;      // events that come together lead to one look
  const PROGRESS_MS = 30000; // a job's progress alone leads to a look as seldom as this

  const OPENING_MS = 2000;   // the first events of a stream tell what the page shows already
  const FRESH_MS = 5000;     // unless it was written longer ago than this

  const part = document.querySelector("[data-live]");
  if (!part || !window.EventSource) return;
  const known = new Map();
  let waiting = null, lookedAt = Date.now(), openedAt = 0, isLooking = false;

  const isInUse = () => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");

  async function look() {
    waiting = null;
    if (isLooking) { later(PAUSE_MS); return; }
    if (document.hidden || isInUse()) { later(PROGRESS_MS); return; }
    isLooking = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) { later(PROGRESS_MS); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-live]");
      if (fresh) take(fresh);
    } catch { /* the server is away; the stream connects again and looks then */ }
    finally { isLooking = false; lookedAt = Date.now(); }
  }

  // What a person opened stays open, and the focus stays where it is.
  function take(fresh) {
    const wasOpen = [...part.querySelectorAll("details")].map(one => one.open);
    const focused = [...part.querySelectorAll("a, button, summary")].indexOf(document.activeElement);
    part.replaceChildren(...fresh.childNodes);
    [...part.querySelectorAll("details")].forEach((one, index) => { one.open = Boolean(wasOpen[index]); });
    if (focused >= 0) part.querySelectorAll("a, button, summary")[focused]?.focus();
  }

  function later(ms) {
    if (waiting === null) waiting = setTimeout(look, ms);
  }

  function take_event(event) {
    let facts;
    try { facts = JSON.parse(event.data); } catch { return; }
    const key = `${event.type} ${facts.model ?? ""}`;
    const before = known.get(key);
    known.set(key, facts);
    if (!before && Date.now() - openedAt < OPENING_MS) return;
    if (event.type === "job" && before && before.job === facts.job && before.status === facts.status) {
      show_progress(facts);
      later(Math.max(PAUSE_MS, PROGRESS_MS - (Date.now() - lookedAt)));
    } else {
      if (waiting !== null) { clearTimeout(waiting); waiting = null; }
      later(PAUSE_MS);
    }
  }

  function show_progress(job) {
    const bar = part.querySelector(`progress[data-job="${Number(job.job)}"]`);
    if (bar && typeof job.share === "number") bar.value = job.share;
  }

  const events = new EventSource(part.dataset.live);
  events.addEventListener("open", () => {
    openedAt = Date.now();
    if (openedAt - lookedAt > FRESH_MS) later(PAUSE_MS);
  });
  for (const kind of ["verdict", "decision", "promotion", "champion", "job", "labels", "proposal", "incident", "ledger"])
    events.addEventListener(kind, take_event);
  addEventListener("pagehide", () => events.close());
})();
