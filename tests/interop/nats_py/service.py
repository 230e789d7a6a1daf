"""A service written with nats.micro. It stops at the first line that it reads, and ends with its standard input.

    service.py URL
"""

import asyncio
import json
import sys

import msgpack
import nats
from nats.micro import add_service
from nats.micro.request import ServiceError

CODECS = {
    "application/json": (lambda value: json.dumps(value).encode(), json.loads),
    "application/msgpack": (msgpack.packb, msgpack.unpackb),
}


def endpoint(handler):
    """Reads requests and writes answers in the codec that a request names, or else as JSON."""

    async def handle(request):
        headers = request.headers or {}
        encode, decode = CODECS[headers.get("Content-Type", "application/json")]
        await request.respond(encode(handler(decode(request.data), headers)), {"answered-by": "nats-py"})

    return handle


def hello(args, _headers):
    if args["name"].startswith("Godot"):
        raise ServiceError("404", f"{args['name']} is not in")
    return f"Hello, {args['name']}!"


def add(args, _headers):
    return args["a"] + args["b"]


def reverse(args, _headers):
    return args["bytes"][::-1]


def shout(text, _headers):
    return text.upper()


def tenant(_args, headers):
    return headers.get("tenant")


def fail(_args, _headers):
    raise ValueError("broken")


async def refuse(request):
    await request.respond_error("422", "not ours", data=b'{"Absent":"Ann"}')


async def wait(_request):
    """Is never answered."""


async def main():
    nc = await nats.connect(sys.argv[1])
    service = await add_service(
        nc, name="greeter", version="1.2.3", description="Greets.", metadata={"zone": "eu"}
    )
    group = service.add_group(name="greeter")
    for handler in (hello, add, reverse, shout, tenant, fail):
        await group.add_endpoint(name=handler.__name__, handler=endpoint(handler))
    for handler in (refuse, wait):
        await group.add_endpoint(name=handler.__name__, handler=handler)
    await nc.flush()
    print(f"serving as {service.id}")

    lines = asyncio.get_running_loop().run_in_executor
    if await lines(None, sys.stdin.readline):
        await service.stop()
        await nc.flush()
        print("stopped")
        await lines(None, sys.stdin.read)
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 60))
