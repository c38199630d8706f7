"""Writes ours.json: messages with the bytes that msgpack and cbor2 for Python make of them.

usage (from the workspace's root, after scripts/peers):
    target/peers/python/bin/python crates/transparency-middleware/tests/vectors/make.py

The format is that of the WAMP project's own vectors (testsuite/SCHEMA.json of wamp-proto).
"""

import json
from pathlib import Path

import cbor2
import msgpack

MOST = 2 ** 53
CALLER = {"roles": {"caller": {}}}
VALUE = {"text": "\u00e4\u20ac\U0001d11e", "list": [0, -1, 23, 24, -25, 255, 256, 65536, 2 ** 32, -(2 ** 31) - 1, 2 ** 63],
         "float": 0.5, "true": True, "false": False, "nothing": None, "bytes": b"\x00\xff", "long": "x" * 300}

VALID = [
    [1, "realm1", {"agent": "a", "authid": "joe", "authmethods": ["ticket"], "roles": {"caller": {"features": {"call_timeout": True}}}}],
    [2, MOST, {"roles": {"broker": {}, "dealer": {}}, "authid": "joe", "x_own": [1, {"a": None}]}],
    [3, {"message": "why"}, "wamp.error.no_such_realm"],
    [3, {}, "wamp.error.protocol_violation", ["why"], {"where": 3}],
    [4, "wampcra", {"challenge": "{}", "salt": "s", "keylen": 32, "iterations": 1000}],
    [5, "gir1mSx+deCDUV7wRM5SGIn/+R/ClqLZuH4m7FJeBVI=", {}],
    [6, {}, "wamp.close.close_realm"],
    [8, 48, 7814135, {}, "org.example.error", ["why"], {"severity": 3}],
    [8, 16, 1, {}, "org.example.error"],
    [16, 239714735, {"acknowledge": True, "exclude": [1, MOST], "eligible_authid": ["joe"]}, "org.example.topic", [], VALUE],
    [16, 1, {"enc_algo": "cryptobox", "enc_serializer": "cbor"}, "org.example.sealed", b"\x00\xff"],
    [17, 239714735, 4429313566],
    [32, 713845233, {"match": "wildcard"}, "org..topic"],
    [32, 1, {"match": "prefix"}, "org.example."],
    [33, 713845233, 5512315355],
    [34, 85346237, 5512315355],
    [35, 85346237],
    [35, 0, {"subscription": 1293722, "reason": "org.example.reason"}],
    [36, 5512315355, 4429313566, {"publisher": 3335656, "topic": "org.example.topic"}, [VALUE]],
    [337, 4429313566],
    [48, 1, {}, "org.example.ping"],
    [48, MOST, {"timeout": 1000, "receive_progress": True}, "org.example.add", [2, 3]],
    [48, 127, {}, "org.example.add", ["two"], {"k": "v"}],
    [48, 128, {}, "org.example.\u00e4dd", [b""]],
    [49, 7814135, {"mode": "kill"}],
    [50, 7814135, {"progress": True}, [30]],
    [50, 7814135, {}],
    [64, 25349185, {"match": "prefix", "invoke": "roundrobin"}, "org.example."],
    [65, 25349185, 2103333224],
    [66, 788923562, 2103333224],
    [67, 788923562],
    [67, 0, {"registration": 1293722}],
    [68, 6131533, 9823529, {"caller": 3335656, "procedure": "org.example.add", "timeout": 100}, [2, 3], {"k": [[], {}]}],
    [69, 6131533, {"mode": "killnowait", "reason": "wamp.error.canceled"}],
    [70, 6131533, {"progress": True}, [[1.5, -0.25, 1e300]]],
]

# A message, and a word of what has to be said about it.
REFUSED = [
    ([0], "type"), ([7, 1], "type"), ([-48, 1, {}, "a.b"], "type"), (["48", 1, {}, "a.b"], "type"),
    ([1, "realm1", {}], "roles"), ([1, "realm1", {"roles": {}}], "roles"), ([1, "realm1", {"roles": {"dealer": {}}}], "roles"),
    ([1, "realm 1", CALLER], "realm"), ([1, None, CALLER], "realm"), ([1, "realm1"], "elements"),
    ([2, 0, {"roles": {"broker": {}}}], "session"), ([2, MOST + 1, {"roles": {"broker": {}}}], "session"), ([2, 1, CALLER], "roles"),
    ([3, {}], "elements"), ([3, "why", "a.b"], "details"), ([4, 1, {}], "method"), ([4, "ticket", []], "extra"),
    ([5, None, {}], "signature"), ([6, {}, ""], "reason"), ([6, {"message": 1}, "a.b"], "message"),
    ([8, 47, 1, {}, "a.b"], "request type"), ([8, 48, 0, {}, "a.b"], "request id"),
    ([8, 48, 1, {}], "elements"), ([16, 1, {"acknowledge": 1}, "a.b"], "acknowledge"), ([16, 1, {"exclude": [0]}, "a.b"], "exclude"),
    ([16, 1, {}, "a.b", b"x"], "arguments"), ([16, 1, {"enc_algo": "mqtt"}, "a.b", 7], "payload"), ([17, 1], "elements"),
    ([17, 1, "2"], "publication"), ([32, 1, {"match": "regex"}, "a.b"], "match"), ([32, 1, {}, 7], "URI"), ([33, 1, 0], "subscription"),
    ([34, 1, 1.5], "subscription"), ([35, "1"], "request"), ([35, 0, {}], "subscription"), ([36, 1, 0, {}], "publication"),
    ([36, 1, 2, {"publisher": "x"}], "publisher"), ([36, 1, 2, {}, {}], "arguments"), ([36, 1, 2, {}, [], []], "arguments"),
    ([337, None], "publication"), ([48, 1.0, {}, "a.b"], "request"), ([48, -1, {}, "a.b"], "request"), ([48, MOST + 1, {}, "a.b"], "request"),
    ([48, 1, [], "a.b"], "options"), ([48, 1, {"timeout": -1}, "a.b"], "timeout"), ([48, 1, {}, "a.b", [], {}, 0], "elements"),
    ([49, 1, {"mode": "maybe"}], "mode"), ([50, 1, {"progress": "no"}], "progress"), ([64, 1, {"invoke": "all"}, "a.b"], "invoke"),
    ([65, 1, None], "registration"), ([66, 1, -1], "registration"), ([67, 0, {"registration": 0}], "registration"),
    ([68, 1, 1, {"caller": 0}], "caller"), ([69, 0, {}], "request"), ([70, 1, {"progress": 1}], "progress"), ([70, 1, {}, "x"], "arguments"),
]


def json_of(message):
    """WAMP's JSON: bytes are a string that begins with U+0000, then their Base64."""
    from base64 import b64encode

    def value(item):
        if isinstance(item, bytes):
            return "\0" + b64encode(item).decode()
        if isinstance(item, list):
            return [value(one) for one in item]
        if isinstance(item, dict):
            return {name: value(one) for name, one in item.items()}
        return item

    return value(message)


def form(data):
    return [{"bytes_hex": data.hex()}]


def sample(message):
    text = json.dumps(json_of(message), ensure_ascii=False, separators=(",", ":"))
    return {
        "description": text[:60],
        "serializers": {
            "json": form(text.encode()), "msgpack": form(msgpack.packb(message)), "cbor": form(cbor2.dumps(message)),
        },
        "expected_attributes": {"message_type": message[0]},
    }


samples = [sample(message) for message in VALID]
for message, word in REFUSED:
    text = json.dumps(json_of(message))
    samples.append({"description": text, "wmsg": json_of(message), "expected_error": {"contains": word}})
file = {"description": "Every message, and what is wrong with others", "samples": samples}
path = Path(__file__).with_name("ours.json")
lines = ",\n".join("    " + json.dumps(one) for one in samples)
path.write_text('{\n  "description": ' + json.dumps(file["description"]) + ',\n  "samples": [\n' + lines + "\n  ]\n}\n")
print(len(VALID), "messages,", len(REFUSED), "that are refused")
