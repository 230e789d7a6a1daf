"""Reads and writes what tests/golden says, with the reader and the writer of examples/framed_client.py.

    golden.py EXAMPLES GOLDEN
"""

import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])

from framed_client import CODECS, JSON, MESSAGE_PACK, read, write  # noqa: E402

NUMBERS = {"msgpack": MESSAGE_PACK, "json": JSON}

# What this client reads all the same: it trusts the types of what servers send.
TRUSTED = {
    "a frame that is no array",
    "a kind that is no number",
    "an unknown kind that is nested too deep",
    "an id of no bytes",
    "an id of seventeen bytes",
    "an id that is a text",
    "flags that are a text",
    "a negative budget",
    "arguments that are no bytes",
    "headers that are no map",
    "more than 64 headers",
    "a code above 65535",
    "an accepted whose credit is one number",
    "an accepted whose credit is too short",
    "a call whose credit is too short",
    "an item whose number is negative",
    "an item whose body is a text",
    "an item without an id",
    "an item whose number is none",
    "an end whose code is above 65535",
    "an end whose message is no text",
    "credit that is negative",
}


def golden(name):
    return json.loads((pathlib.Path(sys.argv[2]) / f"{name}.json").read_text())


def encoded(meaning, codec):
    """A frame as the client has it: ids and values are bytes."""
    encode, _ = CODECS[NUMBERS[codec]]
    if codec == "json":
        encode = lambda value: json.dumps(value, separators=(",", ":")).encode()  # noqa: E731
    frame = dict(meaning)
    if "id" in frame:
        frame["id"] = bytes.fromhex(frame["id"])
    if "headers" in frame:
        frame["headers"] = frame["headers"] or None
    if "args" in frame:
        frame["args"] = encode(frame["args"])
    if "body" in frame and not (frame["kind"] in ("error", "end") and frame["body"] is None):
        frame["body"] = encode(frame["body"])
    return frame


def counted(number):
    """More credit than this is as good as this."""
    return min(number, 0xFFFFFFFF)


def decoded(frame, codec):
    """What a frame that the client has read means."""
    _, decode = CODECS[NUMBERS[codec]]
    meaning = dict(frame)
    if "id" in meaning:
        meaning["id"] = meaning["id"].hex()
    if "headers" in meaning:
        texts = (meaning["headers"] or {}).items()
        meaning["headers"] = {name: value for name, value in texts if isinstance(value, str)}
    if meaning["kind"] == "accepted":
        meaning.setdefault("flags", 0)
    if meaning.get("credit") is not None:
        messages, bytes_, *_ = meaning["credit"]
        meaning["credit"] = [counted(messages), counted(bytes_)]
    if meaning["kind"] == "credit":
        meaning |= {name: counted(meaning[name]) for name in ("messages", "bytes")}
    for name in ("args", "body"):
        if meaning.get(name) is not None:
            meaning[name] = decode(meaning[name])
    return meaning


def check_read(name, hex_, codec, frames):
    meaning = [decoded(frame, codec) for frame in read(bytes.fromhex(hex_))]
    assert meaning == frames, (name, meaning, frames)


def check_written(name, hex_, codec, frames):
    message = write(*[encoded(frame, codec) for frame in frames])
    assert message.hex() == hex_, (name, message.hex(), hex_)


for entry in golden("frames"):
    check_written(entry["name"], entry["shortest"], entry["codec"], entry["frames"])
    check_read(entry["name"], entry["shortest"], entry["codec"], entry["frames"])
for entry in golden("frames") + golden("later"):
    check_read(entry["name"], entry["hex"], entry["codec"], entry["frames"])
for entry in golden("exchanges"):
    for message in (entry["request"], entry["reply"]):
        if "frames" in message:
            check_read(entry["name"], message["hex"], entry["codec"], message["frames"])
        elif "value" in message and message["hex"]:
            _, decode = CODECS[NUMBERS[entry["codec"]]]
            assert decode(bytes.fromhex(message["hex"])) == message["value"], entry["name"]

trusted = set()
for entry in golden("malformed"):
    try:
        list(read(bytes.fromhex(entry["hex"])))
        trusted.add(entry["name"])
    except Exception:
        pass
assert trusted == TRUSTED, trusted ^ TRUSTED
print("ok")
