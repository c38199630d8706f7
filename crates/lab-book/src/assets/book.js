"use strict";
// Copy buttons, the search, traces that light their lines, and the toy. Every page can be read
// without this script.

const element = (name, className, ...inside) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...inside);
  return made;
};
const button = (name, text) => {
  const made = element("button", "", "Copy");
  made.type = "button";
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

// Traces. A call that is pointed at in a trace lights its line in the programs, and a step of the
// programs lights its calls. The trace's own script describes the messages.
// The lines of each main.rs that make the same calls as lines of its twin.py.
const twins = JSON.parse(document.getElementById("twins")?.textContent ?? "{}");
const FILES = ["main.rs", "twin.py"];
// Each row of a program, with the first and the last line of each file in it.
const rows = [...document.querySelectorAll(".code[data-program] .row")].map((row) => ({
  row,
  program: row.closest(".code").dataset.program,
  cells: [...row.querySelectorAll("pre")].map((pre) => {
    const before = Number.parseInt(pre.style.counterReset.split(" ")[1], 10);
    return { pre, from: before + 1, to: before + pre.children.length };
  }),
}));
// The lines of both files that go with one line: itself, and its twins.
const alike = (program, file, line) => {
  const of = twins[program] ?? {};
  if (file === FILES[0]) return [[line], of[line] ?? []];
  const back = Object.keys(of).filter((one) => of[one].includes(line)).map(Number);
  return [back, [line]];
};
const light = (details, at) => {
  const mirror = details.querySelector(".mirror");
  for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
  mirror.replaceChildren(element("p", "hint", "Point at a call of these programs, or move the slider: its lines are shown here."));
  const program = at && details.dataset[at.side];
  const column = at ? FILES.indexOf(at.file) : -1;
  if (!program || column < 0) return;
  const inside = ({ cells }) => cells[column] && at.line >= cells[column].from && at.line <= cells[column].to;
  const found = rows.find((one) => one.program === program && inside(one));
  if (!found) return;
  alike(program, at.file, at.line).forEach((lines, place) => {
    const cell = found.cells[place];
    for (const line of lines) cell?.pre.children[line - cell.from]?.classList.add("lit");
  });
  found.row.classList.add("lit");
  // The programs may be out of sight: their part that matters is shown next to the trace too.
  const copy = found.row.cloneNode(true);
  for (const name of ["id", "tabindex", "role", "aria-label"]) copy.removeAttribute(name);
  const link = element("a", "", `${program}: ${found.row.getAttribute("aria-label")}`);
  link.href = `#${found.row.id}`;
  mirror.replaceChildren(link, copy);
};
const traces = new Map();
window.addEventListener("message", ({ source, data }) => {
  if (!data || data.labTrace === undefined) return;
  for (const [frame, details] of traces) {
    if (frame.contentWindow === source) light(details, data.labTrace);
  }
});
const lightCalls = (one) => {
  for (const [frame, { dataset }] of traces) {
    const wanted = [];
    for (const side of ["server", "client"]) {
      if (!one || dataset[side] !== one.program) continue;
      one.cells.forEach(({ from, to }, place) => wanted.push({ side, file: FILES[place], from, to }));
    }
    frame.contentWindow?.postMessage({ labTrace: wanted }, "*");
  }
};
for (const one of rows) {
  for (const begin of ["pointerenter", "focusin"]) one.row.addEventListener(begin, () => lightCalls(one));
  for (const end of ["pointerleave", "focusout"]) one.row.addEventListener(end, () => lightCalls(null));
}
for (const details of document.querySelectorAll("details[data-trace]")) {
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("iframe")) return;
    const frame = element("iframe");
    frame.src = details.dataset.trace;
    frame.title = "The trace of this run";
    traces.set(frame, details);
    details.append(element("div", "bench", frame, element("div", "mirror code")));
  });
}

// A toy: a stream that is cut. What it shows was recorded when the book was built.
const spaced = (parts) => parts.flatMap((part, place) => (place > 0 ? [" ", part] : [part]));
for (const toy of document.querySelectorAll(".toy")) {
  const { stream, runs } = JSON.parse(toy.querySelector("script").textContent);
  const bytes = [...toy.querySelectorAll(".tape span")];
  const inputs = [...toy.querySelectorAll("input")];
  const body = toy.querySelector("tbody");
  const names = [...body.querySelectorAll("tr:first-child td")].map((cell) => cell.dataset.name);
  const verdict = toy.querySelector(".verdict");
  const code = (text) => element("code", "", text);
  const show = () => {
    const [first, second] = inputs.map((input) => Number(input.value)).sort((a, b) => a - b);
    bytes.forEach((byte, place) => {
      byte.className = `p${Number(place >= first) + Number(place >= second)}`;
      byte.classList.toggle("cut", place > 0 && (place === first || place === second));
    });
    for (const input of inputs) {
      const at = Number(input.value);
      const end = at === 0 || at === stream.length;
      input.setAttribute("aria-valuetext", end
        ? `${at} of ${stream.length}: no cut`
        : `${at} of ${stream.length}: between ${stream[at - 1]} and ${stream[at]}`);
    }
    const steps = runs[first][second - first];
    body.replaceChildren(...steps.map(({ piece, ours, kept, naive }) => {
      const gives = ours.map(code);
      if (kept > 0) gives.push(element("span", "kept", `keeps ${kept} byte${kept === 1 ? "" : "s"}`));
      const cells = [[code(stream.slice(...piece))], spaced(gives), [code(naive)]];
      return element("tr", "", ...cells.map((inside, place) => {
        const cell = element("td", "", ...inside);
        cell.dataset.name = names[place];
        return cell;
      }));
    }));
    const messages = steps.flatMap(({ ours }) => ours);
    const taken = steps.map(({ naive }) => naive);
    const same = messages.length === taken.length && messages.every((text, place) => text === taken[place]);
    const list = (texts) => texts.map((text) => `“${text}”`).join(", ");
    verdict.replaceChildren(
      `DelimitedReader gives ${list(messages)}, as always. One recv for one message gives ${list(taken)}: `,
      element("strong", same ? "" : "bad", same ? "right, by luck." : "wrong."),
    );
  };
  for (const input of inputs) input.addEventListener("input", show);
  toy.querySelector(".cuts").hidden = false;
  show();
}

// On paper every answer is open. Traces stay closed: they are pages of their own.
const opened = [];
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open], [data-trace])")) {
    details.open = true;
    opened.push(details);
  }
});
window.addEventListener("afterprint", () => {
  for (const details of opened.splice(0)) details.open = false;
});

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
    told = element("strong");
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
  found.sort((a, b) => b.score - a.score);
  // Two parts of a page at most come before the first of another, so that none hides the others.
  const ofPage = new Map();
  const [early, late] = [[], []];
  for (const { part } of found) {
    const [page] = part.u.split("#");
    const count = 1 + (ofPage.get(page) ?? 0);
    ofPage.set(page, count);
    (count <= 2 ? early : late).push(part);
  }
  return [...early, ...late];
};

const excerpt = (body, query) => {
  const word = words(query)[0];
  const at = Math.max(0, body.toLowerCase().indexOf(word) - 50);
  const start = at === 0 ? 0 : body.indexOf(" ", at) + 1;
  const end = start + 150 < body.length ? body.lastIndexOf(" ", start + 150) : body.length;
  return (start > 0 ? "… " : "") + body.slice(start, end).trim() + (end < body.length ? " …" : "");
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
    const script = element("script");
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
      const name = element("strong", "", part.h ? `${part.t}: ${part.h}` : part.t);
      const link = element("a", "", name, element("span", "", excerpt(part.b, query)));
      link.href = part.u;
      results.append(link);
    }
    if (found.length === 0) results.append(element("p", "", "No page has all of these words."));
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
