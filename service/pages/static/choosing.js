// The list of labels: choose one by its two letters, by its name, or by a click.
"use strict";
window.RetuneChoices = class {
  #first = "";

  constructor({ list, search, onChoose, onNew, onSay }) {
    Object.assign(this, { list, search, onChoose, onNew, onSay });
    list.addEventListener("click", event => {
      const button = event.target.closest("button");
      if (button) this.#choose(button.dataset.label);
    });
    search.addEventListener("input", () => this.#filter());
    search.addEventListener("keydown", event => this.#searchKey(event));
  }

  get buttons() { return [...this.list.querySelectorAll("button")]; }
  has(label) { return this.buttons.some(button => button.dataset.label === label); }

  add(label) {
    if (this.has(label)) return;
    const item = document.createElement("li"), button = document.createElement("button"), name = document.createElement("span");
    Object.assign(button, { type: "button" });
    const code = this.#freeCode(label);
    Object.assign(button.dataset, { label, code });
    Object.assign(name, { dir: "auto", textContent: label });
    if (code) button.append(Object.assign(document.createElement("kbd"), { textContent: code }), " ");
    button.append(name);
    item.append(button);
    this.list.append(item);
  }

  // Two letters of the name that no other label has; letters of commands begin none (core/label_codes.py).
  #freeCode(label) {
    const taken = new Set(this.buttons.map(button => button.dataset.code));
    const letters = label.normalize("NFKD").toLowerCase().replace(/[^a-z]/g, "");
    for (let one = 0; one < letters.length; one++)
      for (let other = one + 1; other < letters.length; other++) {
        const code = letters[one] + letters[other];
        if (!"hsux".includes(letters[one]) && !taken.has(code)) return code;
      }
    return "";
  }

  // Marks the labels that are chosen, of a model that gives several.
  mark(chosen) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(chosen.has(button.dataset.label)));
  }

  // A letter of a code; false if it is none.
  letter(letter) {
    const code = this.#first + letter;
    const fitting = this.buttons.filter(button => button.dataset.code.startsWith(code));
    if (!fitting.length) {
      if (this.#first) this.onSay(`No label has the letters ${code}.`);
      const isAny = Boolean(this.#first);
      this.clear();
      return isAny;
    }
    if (code.length === 2) {
      this.#choose(fitting[0].dataset.label);
      return true;
    }
    this.#first = letter;
    this.list.classList.add("typing");
    for (const button of this.buttons) button.classList.toggle("fits", fitting.includes(button));
    fitting[0].scrollIntoView({ block: "nearest" });
    return true;
  }

  get isTyping() { return Boolean(this.#first); }

  clear() {
    this.#first = "";
    this.list.classList.remove("typing");
    this.list.scrollTop = 0;
    if (this.search.value) { this.search.value = ""; this.#filter(); }
  }

  find() { this.search.focus(); this.search.select(); }

  #choose(label) {
    this.clear();
    this.search.blur();
    this.onChoose(label);
  }

  #filter() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.buttons.map(button => [rank(button.dataset.label.toLowerCase(), wanted), button]);
    for (const [place, button] of found) {
      button.parentElement.hidden = place < 0;
      button.classList.remove("best");
    }
    this.best = wanted ? found.filter(([place]) => place >= 0).sort(([one], [other]) => one - other).map(([, button]) => button) : [];
    this.best[0]?.classList.add("best");
    this.best[0]?.scrollIntoView({ block: "nearest" });
    this.search.setAttribute("aria-description", this.best[0] ? `Enter takes ${this.best[0].dataset.label}` : wanted ? "No label has this name; Enter adds it" : "");
  }

  #searchKey(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      this.clear();
      this.search.blur();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const place = this.best?.findIndex(button => button.classList.contains("best")) ?? -1;
      const next = this.best?.[place + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) {
        this.best[place].classList.remove("best");
        next.classList.add("best");
        next.scrollIntoView({ block: "nearest" });
        this.search.setAttribute("aria-description", `Enter takes ${next.dataset.label}`);
      }
    } else if (event.key === "Enter" && !event.repeat) {
      const name = this.search.value.trim(), best = this.list.querySelector("button.best");
      if (best && !event.ctrlKey) this.#choose(best.dataset.label);
      else if (name) { this.search.blur(); this.onNew(name); }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
};

// How well a name fits what was typed: from its start, from the start of a word, anywhere; -1 if not at all.
function rank(name, wanted) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.split(/[^\p{L}\p{N}]+/u).some(word => word.startsWith(wanted))) return 2;
  return name.includes(wanted) || name.replace(/[_-]/g, " ").includes(wanted) ? 3 : -1;
}
