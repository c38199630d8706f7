// A peer on autobahn-js: a callee, or a caller that checks one.
//
// usage: node peer.js callee|caller ROUTER FORMAT PREFIX...
"use strict";

const assert = require("node:assert");
const path = require("node:path");
const autobahn = require(path.join(process.env.PEERS, "node/node_modules/autobahn"));

const [role, router, format, ...prefixes] = process.argv.slice(2);
const serializers = {
  json: () => new autobahn.serializer.JSONSerializer(),
  msgpack: () => new autobahn.serializer.MsgpackSerializer(),
  cbor: () => new autobahn.serializer.CBORSerializer(),
};

async function offer(session, prefix) {
  const shared = {invoke: "roundrobin"};
  await session.register(prefix + "add", ([a, b]) => a + b, shared);
  await session.register(prefix + "who", () => process.pid, shared);
  await session.register(prefix + "same", ([value]) => value, shared);
  await session.register(prefix + "fail", () => {
    throw new autobahn.Error("org.example.error.deliberate", ["on purpose", 42]);
  }, shared);
  await session.register(prefix + "count", ([number], kwargs, details) => {
    for (let step = 1; step < number; step++) {
      details.progress?.([step]); // It is missing where the caller takes no parts.
    }
    return number;
  }, shared);
  await session.subscribe(prefix + "question", ([number]) => session.publish(prefix + "answer", [number + 1]));
}

async function ask(session, prefix) {
  assert.strictEqual(await session.call(prefix + "add", [2, 3]), 5);
  const value = {text: "ä€", list: [1, -1, 0.5, true, null], big: 2 ** 32 - 1};
  assert.deepStrictEqual(await session.call(prefix + "same", [value]), value);
  await assert.rejects(Promise.resolve(session.call(prefix + "fail")), (error) =>
    error.error === "org.example.error.deliberate" && error.args[0] === "on purpose" && error.args[1] === 42);
  await assert.rejects(Promise.resolve(session.call(prefix + "nobody")), (error) =>
    error.error === "wamp.error.no_such_procedure");
  const steps = [];
  // autobahn-js answers through when.js, whose promises have a third function for progress.
  const last = await new Promise((resolve, reject) =>
    session.call(prefix + "count", [4], {}, {receive_progress: true}).then(resolve, reject, (step) => steps.push(step)));
  // xconn's callees cannot answer in parts, and wampy.js does not announce that its own can.
  const parts = /\.(xconn|wampy)\./.test(prefix) && steps.length === 0 ? [] : [1, 2, 3];
  assert.deepStrictEqual([steps, last], [parts, 4]);
  const who = [];
  for (let call = 0; call < 4; call++) {
    who.push(await session.call(prefix + "who"));
  }
  assert.ok(who[0] !== who[1] && who[0] === who[2] && who[1] === who[3], `shared: ${who}`);
  const answers = [];
  const both = new Promise((resolve) => {
    answers.push = (number) => {
      if (Array.prototype.push.call(answers, number) === 2) {
        resolve();
      }
    };
  });
  await session.subscribe(prefix + "answer", ([number]) => answers.push(number));
  await session.publish(prefix + "question", [6], {}, {acknowledge: true});
  await both; // Both callees are subscribed.
  assert.deepStrictEqual([...answers], [7, 7]);
}

const connection = new autobahn.Connection({
  url: router, realm: "realm1", serializers: [serializers[format]()], max_retries: 0,
});

connection.onopen = async (session) => {
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
    connection.close();
  }
};

connection.open();
