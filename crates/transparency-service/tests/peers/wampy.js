// A peer on wampy.js: a callee, or a caller that checks one.
//
// usage: node wampy.js callee|caller ROUTER FORMAT PREFIX...
"use strict";

const assert = require("node:assert");
const path = require("node:path");
const {createRequire} = require("node:module");

// It is found where scripts/peers has put it.
const installed = createRequire(path.join(process.env.PEERS, "node/node_modules/wampy/package.json"));
const {Wampy} = installed("wampy");
const WebSocket = installed("ws");
const {JsonSerializer} = installed("wampy/JsonSerializer.js");
const {MsgpackSerializer} = installed("wampy/MsgpackSerializer.js");
const {CborSerializer} = installed("wampy/CborSerializer.js");

const [role, router, format, ...prefixes] = process.argv.slice(2);
const serializers = {json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer};

async function offer(session, prefix) {
  const shared = {invoke: "roundrobin"};
  await session.register(prefix + "add", ({argsList: [a, b]}) => ({argsList: [a + b]}), shared);
  await session.register(prefix + "who", () => ({argsList: [process.pid]}), shared);
  await session.register(prefix + "same", ({argsList: [value]}) => ({argsList: [value]}), shared);
  await session.register(prefix + "fail", ({error_handler}) => error_handler({
    error: "org.example.error.deliberate", argsList: ["on purpose", 42],
  }), shared);
  await session.register(prefix + "count", ({argsList: [number], details, result_handler}) => {
    for (let step = 1; details.receive_progress && step < number; step++) {
      result_handler({argsList: [step], options: {progress: true}});
    }
    return {argsList: [number]};
  }, shared);
  await session.subscribe(prefix + "question", ({argsList: [number]}) =>
    session.publish(prefix + "answer", [number + 1]));
}

async function call(session, name, args) {
  return (await session.call(name, args)).argsList[0];
}

async function ask(session, prefix) {
  assert.strictEqual(await call(session, prefix + "add", [2, 3]), 5);
  const value = {text: "ä€", list: [1, -1, 0.5, true, null], big: 2 ** 32 - 1};
  assert.deepStrictEqual(await call(session, prefix + "same", [value]), value);
  await assert.rejects(call(session, prefix + "fail", []), ({errorUri, argsList}) =>
    errorUri === "org.example.error.deliberate" && argsList[0] === "on purpose" && argsList[1] === 42);
  await assert.rejects(call(session, prefix + "nobody", []), ({errorUri}) =>
    errorUri === "wamp.error.no_such_procedure");
  const steps = [];
  const last = await session.call(prefix + "count", [4], {
    progress_callback: ({argsList: [step]}) => steps.push(step),
  });
  // xconn's callees cannot answer in parts, and wampy.js does not announce that its own can.
  const parts = /\.(xconn|wampy)\./.test(prefix) && steps.length === 0 ? [] : [1, 2, 3];
  assert.deepStrictEqual([steps, last.argsList[0]], [parts, 4]);
  const who = [];
  for (let number = 0; number < 4; number++) {
    who.push(await call(session, prefix + "who", []));
  }
  assert.ok(who[0] !== who[1] && who[0] === who[2] && who[1] === who[3], `shared: ${who}`);
  const answers = [];
  await new Promise((resolve, reject) => {
    session.subscribe(prefix + "answer", ({argsList: [number]}) => {
      if (answers.push(number) === 2) { // Both callees are subscribed.
        resolve();
      }
    }).then(() => session.publish(prefix + "question", [6])).catch(reject);
  });
  assert.deepStrictEqual(answers, [7, 7]);
}

async function main() {
  const session = new Wampy(router, {
    realm: "realm1", ws: WebSocket, serializer: new serializers[format](), autoReconnect: false,
  });
  await session.connect();
  for (const prefix of prefixes) {
    try {
      await (role === "callee" ? offer : ask)(session, prefix);
      if (role === "caller") {
        console.log(`${prefix} good`);
      }
    } catch (error) {
      console.log(`${prefix} ${error.stack ?? JSON.stringify(error)}`);
    }
  }
  if (role === "callee") {
    console.log("ready");
  } else {
    await session.disconnect();
  }
}

main();
