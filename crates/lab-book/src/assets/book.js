"use strict";
// Copy buttons, the search, and traces that are loaded when they are opened. Every page can be read
// without this script.

const button = (name, text) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = "Copy";
  made.setAttribute("aria-label", name);
  made.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      made.textContent = "Copied";
    } catch {
      made.textContent = "Copying is not allowed here";
    }
  });
  return made;
};

for (const pre of document.querySelectorAll(".prose pre:not(.row > pre)")) {
  const commands = [...pre.querySelectorAll(":scope.console > b")].map((line) => line.textContent);
  // A terminal's output is not what anyone wants to type.
  const text = commands.length > 0 ? commands.map((line) => line.slice(2)).join("\n") : pre.textContent;
  pre.append(button("Copy this block", () => text));
}
for (const code of document.querySelectorAll(".code")) {
  const heads = [...code.querySelectorAll(".head")];
  heads.forEach((head, column) => {
    const cells = [...code.querySelectorAll(`.row > pre:nth-child(${column + 1})`)];
    const name = head.querySelector("strong").textContent;
    head.append(button(`Copy the program in ${name}`, () => cells.map((cell) => cell.textContent).join("")));
  });
}
for (const details of document.querySelectorAll("details[data-trace]")) {
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("iframe")) return;
    const frame = document.createElement("iframe");
    frame.src = details.dataset.trace;
    frame.title = "The trace of this run";
    details.append(frame);
  });
}

// Predict: a choice is marked, and a wrong one opens the answer with the run that shows why. The
// choices stay in this browser.
const kept = (name, value) => {
  try {
    if (value === undefined) return localStorage.getItem(name);
    localStorage.setItem(name, value);
  } catch {
    // A browser may keep nothing, as for files in a private window.
  }
  return null;
};
const asks = [...document.querySelectorAll(".ask")];
const tally = () => {
  const line = document.querySelector(".tally");
  if (!line) return;
  const right = asks.filter((ask) => ask.querySelector("input:checked")?.value === ask.dataset.right).length;
  let told = line.querySelector("strong");
  if (!told) {
    told = document.createElement("strong");
    told.setAttribute("role", "status");
    line.append(" ", told);
  }
  told.textContent = `${right} of ${asks.length} right.`;
};
for (const ask of asks) {
  const name = `${location.pathname.split("/").pop()}#${ask.id}`;
  const mark = (input, opens) => {
    for (const label of ask.querySelectorAll("label")) label.className = "";
    const good = input.value === ask.dataset.right;
    input.closest("label").className = good ? "right" : "wrong";
    if (opens) {
      ask.querySelector(".answer").open = true;
      if (!good) ask.querySelector(".answer .trace").open = true;
    }
    tally();
  };
  const before = [...ask.querySelectorAll("input")].find((input) => input.value === kept(name));
  if (before) {
    before.checked = true;
    mark(before, false);
  }
  ask.addEventListener("change", (event) => {
    kept(name, event.target.value);
    mark(event.target, true);
  });
}

// The search. Its texts are a script of their own, loaded at the first key.
const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}_<>]+/gu) || [];

// How well a part fits: words of its title count more than words of its text, rare words more than
// frequent ones, and the whole phrase most.
const rank = (parts, query) => {
  const wanted = words(query);
  const phrase = query.trim().toLowerCase();
  if (wanted.length === 0) return [];
  const lower = parts.map((part) => ({
    title: part.t.toLowerCase(),
    heading: part.h.toLowerCase(),
    body: part.b.toLowerCase(),
    url: part.u.toLowerCase(),
  }));
  const counts = wanted.map((word) =>
    lower.map(({ title, heading, body, url }) => {
      const times = body.split(word).length - 1;
      return (
        (title.includes(word) ? 4 : 0) + (heading.includes(word) ? 3 : 0) +
        (url.includes(word) ? 2 : 0) + (times > 0 ? 1 + Math.log(times) : 0)
      );
    }));
  const rare = counts.map((of) => Math.log(1 + parts.length / (1 + of.filter((it) => it > 0).length)));
  const found = [];
  parts.forEach((part, place) => {
    const each = counts.map((of) => of[place]);
    if (each.some((count) => count === 0)) return;
    let score = each.reduce((sum, count, word) => sum + count * rare[word], 0);
    const { title, heading, body } = lower[place];
    for (const [where, worth] of [[title, 6], [heading, 6], [body, 3]]) {
      if (where.includes(phrase)) score += worth;
      if (where === phrase) score += 10;
    }
    found.push({ part, score });
  });
  return found.sort((a, b) => b.score - a.score).map(({ part }) => part);
};

const excerpt = (body, query) => {
  const word = words(query)[0];
  const at = Math.max(0, body.toLowerCase().indexOf(word) - 50);
  const start = at === 0 ? 0 : body.indexOf(" ", at) + 1;
  return (start > 0 ? "… " : "") + body.slice(start, start + 150).trim() + " …";
};

const input = document.getElementById("search");
if (input) {
  const results = document.getElementById("results");
  input.form.hidden = false;
  let parts = null;
  window.bookFound = (found) => {
    parts = found;
    show();
  };
  const load = () => {
    if (document.getElementById("found")) return;
    const script = document.createElement("script");
    script.id = "found";
    script.src = "search.js";
    document.head.append(script);
  };
  const show = () => {
    const query = input.value;
    results.replaceChildren();
    results.hidden = words(query).length === 0;
    if (results.hidden || !parts) return;
    const found = rank(parts, query).slice(0, 12);
    for (const part of found) {
      const link = document.createElement("a");
      link.href = part.u;
      const name = document.createElement("strong");
      name.textContent = part.h ? `${part.t}: ${part.h}` : part.t;
      const text = document.createElement("span");
      text.textContent = excerpt(part.b, query);
      link.append(name, text);
      results.append(link);
    }
    if (found.length === 0) {
      const none = document.createElement("p");
      none.textContent = "No page has all of these words.";
      results.append(none);
    }
  };
  input.addEventListener("focus", load);
  input.addEventListener("input", () => { load(); show(); });
  input.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = results.querySelector("a");
    if (first) first.click();
  });
  input.form.addEventListener("keydown", (event) => {
    const links = [...results.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      input.value = "";
      show();
      input.focus();
    } else if (event.key === "ArrowDown" && links[at + 1]) {
      event.preventDefault();
      links[at + 1].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      (links[at - 1] || input).focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!input.form.contains(event.target)) results.hidden = true;
  });
}
