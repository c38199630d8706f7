// A right service in JavaScript (node), on the WebSocket that node has built in.
// check: transparency-middleware --server "node --experimental-websocket --no-warnings {file} {host} {port} {scratch}/state"
const fs = require("fs");

const [host, port, path] = process.argv.slice(2);
let state = fs.existsSync(path) ? JSON.parse(fs.readFileSync(path)) : { total: 0, keys: [] };

class Failed extends Error {}

function save() {
  const file = fs.openSync(path + ".new", "w");
  fs.writeSync(file, JSON.stringify(state));
  fs.fsyncSync(file);
  fs.closeSync(file);
  fs.renameSync(path + ".new", path);
}

function two(work) {
  return (...args) => {
    if (args.length !== 2 || !args.every(Number.isInteger)) throw new Failed("wamp.error.invalid_argument");
    return work(...args);
  };
}

function divide(a, b) {
  if (b === 0) throw new Failed("org.example.error.division_by_zero");
  return a / b;
}

let publish = () => {};

function count(amount, key) {
  if (key !== undefined && state.keys.includes(key)) return state.total;
  state.total += amount;
  if (key !== undefined) state.keys.push(key);
  save();
  publish(state.total);
  return state.total;
}

const procedures = {
  "org.example.calculator.add": two((a, b) => a + b),
  "org.example.calculator.subtract": two((a, b) => a - b),
  "org.example.calculator.multiply": two((a, b) => a * b),
  "org.example.calculator.divide": two(divide),
  "org.example.counter.value": () => state.total,
  "org.example.counter.add": (amount) => count(amount),
  "org.example.counter.add_once": count,
};

function connect(pause) {
  const socket = new WebSocket(`ws://${host}:${port}/ws`, "wamp.2.json");
  const say = (...message) => socket.send(JSON.stringify(message));
  const asked = new Map();
  const registered = new Map();
  let requests = 0;
  publish = (total) => say(16, ++requests, {}, "org.example.counter.changed", [total]);

  function invoked([, request, registration, , args = []]) {
    try {
      say(70, request, {}, [procedures[registered.get(registration)](...args)]);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      say(8, 68, request, {}, error.message);
    }
  }

  socket.onopen = () => say(1, "realm1", { roles: { callee: {}, publisher: {} } });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message[0] === 2) {
      for (const name of Object.keys(procedures)) {
        asked.set(++requests, name);
        say(64, requests, {}, name);
      }
    } else if (message[0] === 65) {
      registered.set(message[2], asked.get(message[1]));
    } else if (message[0] === 68) {
      invoked(message);
    } else if (message[0] === 6) {
      say(6, {}, "wamp.close.goodbye_and_out");
      socket.close();
    }
  };
  socket.onerror = () => {};
  socket.onclose = () => setTimeout(connect, pause, Math.min(2 * pause, 2000));
}

connect(50);
