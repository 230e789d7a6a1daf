"""Calls the service of the tests with nats-py, as a program in another language would."""

import asyncio
import base64
import json
import sys

import nats


async def main():
    nc = await nats.connect(sys.argv[1])

    async def call(method, body, headers=None):
        reply = await nc.request(f"lab.{method}", body.encode(), timeout=20, headers=headers)
        return reply.headers or {}, reply.data

    headers, data = await call("echo", json.dumps({"text": "grüß dich"}))
    assert (headers, json.loads(data)) == ({}, "grüß dich"), (headers, data)

    headers, data = await call("divide", "[1, 4]")
    assert json.loads(data) == 0.25, data

    headers, data = await call("reverse", json.dumps({"bytes": base64.b64encode(b"abc").decode()}))
    assert base64.b64decode(json.loads(data)) == b"cba", data

    headers, data = await call("divide", json.dumps({"a": 1, "b": 0}))
    assert headers["Nats-Service-Error-Code"] == "422", headers
    assert headers["Nats-Service-Error"] == "division by 0", headers
    assert headers["Nats-Rpc-Execution"] == "2", headers
    assert json.loads(data) == {"DivisionBy": 0}, data

    headers, data = await call("divide", json.dumps({"a": "one"}))
    assert headers["Nats-Service-Error-Code"] == "400", headers
    assert headers["Nats-Rpc-Execution"] == "0", headers

    headers, data = await call("wait", "", {"Nats-Rpc-Timeout-Ms": "50"})
    assert headers["Nats-Service-Error-Code"] == "408", headers

    try:
        await call("missing", "{}")
        raise AssertionError("a missing method has no responders")
    except nats.errors.NoRespondersError:
        pass

    await nc.close()
    print("ok")


asyncio.run(main())
