// A WAMP v2 client on the browser's own WebSocket: as much of the protocol as the counter needs.
"use strict";

const REALM = "realm1";
const COUNTER = "org.example.counter";
// How long a call may take, and how long to wait
// before the next attempt to connect, in milliseconds.
const CALL_TIMEOUT = 10_000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
// How many messages stay on the page.
const SHOWN = 200;

// The specification's codes.
const HELLO = 1, WELCOME = 2, ABORT = 3, GOODBYE = 6, ERROR = 8, SUBSCRIBE = 32, SUBSCRIBED = 33, EVENT = 36,
  CALL = 48, CANCEL = 49, RESULT = 50;
const NAMES = {
  [HELLO]: "HELLO", [WELCOME]: "WELCOME", [ABORT]: "ABORT", [GOODBYE]: "GOODBYE", [ERROR]: "ERROR",
  [SUBSCRIBE]: "SUBSCRIBE", [SUBSCRIBED]: "SUBSCRIBED", [EVENT]: "EVENT", [CALL]: "CALL", [CANCEL]: "CANCEL",
  [RESULT]: "RESULT",
};

const element = (id) => document.getElementById(id);
const buttons = [element("add"), element("value")];
const began = performance.now();

// A session: ids of requests count from 1, and each answer names the request that it belongs to.
class Session {
  constructor(url, {onOpen, onEvent, onClose}) {
    this.requests = new Map();
    this.lastRequest = 0;
    this.onEvent = onEvent;
    this.onOpen = onOpen;
    // The subprotocol says which serialization the messages are in.
    this.socket = new WebSocket(url, "wamp.2.json");
    this.socket.onopen = () => this.send([HELLO, REALM, {
      roles: {caller: {features: {call_canceling: true}}, subscriber: {}},
    }]);
    this.socket.onmessage = (message) => this.receive(message.data);
    this.socket.onclose = () => {
      for (const {reject, timer} of this.requests.values()) {
        clearTimeout(timer);
        reject(new Error("the connection was lost; the call may have been carried out"));
      }
      this.requests.clear();
      onClose(this.refused);
    };
  }

  send(message) {
    const text = JSON.stringify(message);
    show("sent", message, text);
    this.socket.send(text);
  }

  receive(text) {
    const message = JSON.parse(text);
    show("received", message, text);
    const [code, ...rest] = message;
    switch (code) {
      case WELCOME:
        this.onOpen(this);
        break;
      case ABORT:
        this.refused = rest[1];
        this.socket.close();
        break;
      case GOODBYE:
        this.send([GOODBYE, {}, "wamp.close.goodbye_and_out"]);
        this.socket.close();
        break;
      case RESULT:
        this.settle(rest[0], ({resolve}) => resolve((rest[2] ?? [])[0]));
        break;
      case SUBSCRIBED:
        this.settle(rest[0], ({resolve}) => resolve(rest[1]));
        break;
      case ERROR: {
        const [, request, , uri, args = []] = rest;
        this.settle(request, ({reject}) => reject(new Error([uri, ...args].join(": "))));
        break;
      }
      case EVENT:
        this.onEvent((rest[3] ?? [])[0]);
        break;
    }
  }

  settle(request, how) {
    const waiting = this.requests.get(request);
    // An answer that comes after its call was given up has nobody any more.
    if (waiting) {
      this.requests.delete(request);
      clearTimeout(waiting.timer);
      how(waiting);
    }
  }

  request(code, ...rest) {
    const request = ++this.lastRequest;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        if (code === CALL) {
          this.send([CANCEL, request, {mode: "killnowait"}]);
        }
        this.settle(request, () => reject(new Error("no answer in time; the call may have been carried out")));
      }, CALL_TIMEOUT);
      this.requests.set(request, {resolve, reject, timer});
      this.send([code, request, {}, ...rest]);
    });
  }

  call(procedure, ...args) {
    return this.request(CALL, procedure, args);
  }

  subscribe(topic) {
    return this.request(SUBSCRIBE, topic);
  }
}

function show(direction, message, text) {
  const row = document.createElement("tr");
  row.className = direction;
  const cells = [
    Math.round(performance.now() - began),
    direction === "sent" ? "→" : "←",
    NAMES[message[0]] ?? message[0],
    text,
  ];
  for (const cell of cells) {
    row.insertCell().textContent = cell;
  }
  const table = element("messages");
  table.prepend(row);
  while (table.rows.length > SHOWN) {
    table.deleteRow(-1);
  }
}

function status(text) {
  element("status").textContent = text;
}

let session;
let pause = FIRST_PAUSE;
// How many totals the topic has told.
let events = 0;

function connect() {
  // The page came from the router, so the router is where the page came from.
  session = new Session(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
    onOpen(opened) {
      pause = FIRST_PAUSE;
      status("connected");
      buttons.forEach((button) => { button.disabled = false; });
      // Others count too: the topic tells this page.
      opened.subscribe(`${COUNTER}.changed`).catch((error) => status(error.message));
      press("value");
    },
    onEvent(total) {
      events += 1;
      element("total").value = total;
    },
    onClose(refused) {
      buttons.forEach((button) => { button.disabled = true; });
      if (refused) {
        status(`the router refuses: ${refused}`);
        return;
      }
      status("connection lost; trying again");
      // A random part of the pause, so that all pages do not come back in the same moment.
      setTimeout(connect, pause * Math.random());
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    },
  });
}

async function press(name, ...args) {
  const before = events;
  try {
    const total = await session.call(`${COUNTER}.${name}`, ...args);
    // Events come in the order of the additions, and answers
    // in any: one that an event has overtaken may be old.
    if (events === before) {
      element("total").value = total;
    }
    status("connected");
  } catch (error) {
    status(error.message);
  }
}

element("add").onclick = () => press("add", 1);
element("value").onclick = () => press("value");
connect();
