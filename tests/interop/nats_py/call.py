"""Makes requests with nats-py and prints what its users see of the answers, as JSON.

    call.py URL '[{"subject": …, "codec": "json" | "msgpack" | "raw", "value": …, "headers": {…}}, …]'

`{"hex": "…"}` stands for bytes, which JSON does not have.
"""

import asyncio
import json
import sys

import msgpack
import nats
from nats.errors import NoRespondersError
from nats.micro.request import ERROR_CODE_HEADER, ERROR_HEADER

CODECS = {
    "json": (lambda value: json.dumps(value).encode(), json.loads),
    "msgpack": (msgpack.packb, msgpack.unpackb),
    "raw": (str.encode, json.loads),
}


def read_bytes(value):
    return bytes.fromhex(value["hex"]) if value.keys() == {"hex"} else value


async def call(nc, request):
    encode, decode = CODECS[request["codec"]]
    body = encode(request["value"])
    try:
        answer = await nc.request(request["subject"], body, timeout=20, headers=request.get("headers"))
    except NoRespondersError:
        return {"failed": "no responders"}
    headers = answer.headers or {}
    error = None
    if ERROR_CODE_HEADER in headers:
        error = {"code": int(headers[ERROR_CODE_HEADER]), "text": headers[ERROR_HEADER]}
    return {"value": decode(answer.data) if answer.data else None, "headers": headers, "error": error}


async def main():
    nc = await nats.connect(sys.argv[1])
    requests = json.loads(sys.argv[2], object_hook=read_bytes)
    answers = [await call(nc, request) for request in requests]
    print(json.dumps(answers, default=lambda value: {"hex": value.hex()}))
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 60))
