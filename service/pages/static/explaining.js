// Shows on the page for labels why the model would answer as it would, when a person asks: the page of the text has it.
"use strict";
(() => {
  const root = document.getElementById("labelling"), why = document.getElementById("why"), texts = document.getElementById("texts");
  const button = document.querySelector("[data-why]");
  if (!root || !why || !texts || !button) return;

  async function explain() {
    const id = texts.querySelector("[data-id]")?.dataset.id;
    if (!id) return;
    why.hidden = false;
    if (!document.getElementById("suggest")?.checked) {
      why.textContent = "What the model would say is hidden: the dot key shows it, and then why.";
      return;
    }
    why.textContent = "Looking…";
    try {
      const answer = await fetch(`${root.dataset.address.replace(/\/label$/, "")}/texts/${encodeURIComponent(id)}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById("explanation");
      if (texts.querySelector("[data-id]")?.dataset.id !== id) return;
      if (found) why.replaceChildren(...found.childNodes);
      else why.textContent = "No explanation now.";
    } catch { why.textContent = "The server does not answer."; }
  }

  new MutationObserver(() => { why.hidden = true; why.replaceChildren(); }).observe(texts, { childList: true });
  button.addEventListener("click", explain);
  document.addEventListener("keydown", event => {
    const isTyping = event.target.matches("input:not([type=checkbox]), textarea, select");
    if (event.key === "=" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); explain(); }
  });
})();
