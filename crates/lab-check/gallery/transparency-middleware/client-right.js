// A right caller in JavaScript (node), on the WebSocket that node has built in.
// check: transparency-middleware --client "node --experimental-websocket --no-warnings {file} {host} {port}"
const [host, port] = process.argv.slice(2);
const socket = new WebSocket(`ws://${host}:${port}/ws`, "wamp.2.json");
const say = (...message) => socket.send(JSON.stringify(message));
process.exitCode = 1;

socket.onopen = () => say(1, "realm1", { roles: { caller: {} } });
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message[0] === 2) {
    say(48, 1, {}, "org.example.calculator.add", [2, 3]);
  } else if (message[0] === 50) {
    console.log(message[3][0]);
    process.exitCode = 0;
    say(6, {}, "wamp.close.close_realm");
  } else {
    // ERROR, ABORT, or the answer to our GOODBYE.
    if (message[0] === 8) console.error(`failed: ${message[4]}`);
    if (message[0] === 3) console.error(`not let in: ${message[2]}`);
    socket.close();
  }
};
socket.onerror = (event) => console.error(`no answer: ${event.message}`);
