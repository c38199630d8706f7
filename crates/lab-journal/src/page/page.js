"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const slider = document.getElementById("step");
  const fixed = document.getElementById("fixed");
  const rows = [...document.querySelectorAll("tr[data-step]")];
  if (rows.length === 0) return;
  // So many bytes of a queue are drawn; the rest is counted.
  const MOST = 200;

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const bytesOf = {};
  for (const [place, send] of Object.entries(run.sends)) {
    bytesOf[place] = Uint8Array.from(atob(send.bytes), (letter) => letter.charCodeAt(0));
  }

  // A byte as a letter, or as two hexadecimal digits.
  function shown(byte) {
    if (byte === undefined) return "·";
    if (byte === 10) return "\\n";
    if (byte === 13) return "\\r";
    if (byte === 32) return "␣";
    if (byte > 32 && byte < 127) return String.fromCharCode(byte);
    return byte.toString(16).padStart(2, "0");
  }

  function count(number, unit) {
    return `${number} ${unit}${number === 1 ? "" : "s"}`;
  }

  // A queue in words: for the title, and for a screen reader.
  function inWords(name, queue) {
    const parts = queue.pieces.map(([place, , length]) =>
      `${length} of send ${run.sends[place].number}`);
    return `${name}: ${count(queue.length, "byte")} (${parts.join(", ")})`;
  }

  function draw(name, queue) {
    const box = element("div", "queue");
    box.append(element("div", "", inWords(name, queue)));
    const line = element("div", "bytes");
    line.setAttribute("aria-hidden", "true");
    let drawn = 0;
    for (const [place, offset, length] of queue.pieces) {
      const color = `byte s${run.sends[place].number % 6}`;
      for (let at = offset; at < offset + length && drawn < MOST; at += 1, drawn += 1) {
        line.append(element("span", color, shown(bytesOf[place][at])));
      }
    }
    if (drawn < queue.length) {
      line.append(element("span", "", `… and ${count(queue.length - drawn, "byte")} more`));
    }
    box.append(line);
    return box;
  }

  // In a frame: the page around it may show the program. Messages both ways are objects with a
  // field `labTrace`. Out goes the line of the call pointed at: {side, file, line}, or null.
  // In comes a list of which calls are to be lit: {side, file, from, to}, with lines from 1.
  function tell(row) {
    if (window.parent === window) return;
    const { side, file, line } = row.dataset;
    const at = line === undefined ? null : { side, file, line: Number(line) };
    // A page from a file has no origin that could be named.
    window.parent.postMessage({ labTrace: at }, "*");
  }
  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || source === window || !Array.isArray(data?.labTrace)) return;
    for (const row of rows) {
      const { side, file, line } = row.dataset;
      const lit = ({ side: ofSide, file: ofFile, from, to }) =>
        side === ofSide && file === ofFile && Number(line) >= from && Number(line) <= to;
      row.classList.toggle("lit", data.labTrace.some(lit));
    }
  });

  let now = -1;
  function show(step) {
    step = Math.max(0, Math.min(rows.length - 1, step));
    if (step === now) return;
    if (now >= 0) rows[now].removeAttribute("aria-current");
    now = step;
    const { says, queues } = run.steps[step];
    slider.value = String(step);
    slider.setAttribute("aria-valuetext", `step ${step + 1} of ${rows.length}: ${says}`);
    document.getElementById("where").textContent = `${step + 1} of ${rows.length}`;
    rows[step].setAttribute("aria-current", "step");
    const place = document.getElementById("queues");
    const words = [];
    place.replaceChildren();
    for (const { socket, send, receive } of queues) {
      for (const [which, queue] of [[run.names[0], send], [run.names[1], receive]]) {
        if (queue.length > 0) {
          const name = `${run.sockets[socket]}, ${which}`;
          place.append(draw(name, queue));
          words.push(inWords(name, queue));
        }
      }
    }
    if (words.length === 0) {
      place.append(element("div", "time", run.empty));
      words.push(run.empty);
    }
    // The row must not be under the part that stays at the top.
    document.documentElement.style.scrollPaddingTop = `${fixed.offsetHeight + 8}px`;
    rows[step].scrollIntoView({ block: "nearest" });
    document.getElementById("told").textContent = words.join("; ");
    // The address names the step, so that a link can lead to it. A page in a frame has none.
    if (location.protocol !== "about:") history.replaceState(null, "", `#${step + 1}`);
    tell(rows[step]);
  }

  // The step that the address names.
  function named() {
    return (Number.parseInt(location.hash.slice(1), 10) || 1) - 1;
  }

  slider.addEventListener("input", () => show(Number(slider.value)));
  document.getElementById("back").addEventListener("click", () => show(now - 1));
  document.getElementById("next").addEventListener("click", () => show(now + 1));
  for (const row of rows) {
    row.addEventListener("click", () => show(Number(row.dataset.step)));
    row.addEventListener("pointerenter", () => tell(row));
    row.addEventListener("pointerleave", () => tell(rows[now]));
  }
  document.addEventListener("keydown", (event) => {
    // The slider moves by itself; with a modifier a key belongs to the browser.
    if (event.target === slider || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") show(now - 1);
    else if (event.key === "ArrowRight") show(now + 1);
    else return;
    event.preventDefault();
  });
  window.addEventListener("hashchange", () => show(named()));
  fixed.hidden = false;
  show(named());
})();
