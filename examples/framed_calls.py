"""Calls a service of nats-rpc from Python, in its own dialect: what plain JSON does not have.

    pip install nats-py msgpack        # and Python 3.10 or later
    NATS_URL=nats://127.0.0.1:4222 cargo run --example json_from_any_client
    python3 examples/framed_calls.py nats://127.0.0.1:4222
"""
import asyncio, sys
import nats
from framed_client import JSON, RECEIPT, Client, Failed

async def main():
    connection = await nats.connect(sys.argv[1])
    greeter = Client(connection, "greeter")
    await greeter.listen()

    # Arguments by name, or by position; in MessagePack, or in JSON.
    print(await greeter.call("hello", {"name": "Ann"}))
    print(await greeter.call("hello", ["Bob"], flags=JSON))

    # Several calls in one message, whose answers come in any order.
    calls = await greeter.send("hello", {"name": "Cid"}, {"name": "Dee"}, {"name": "Eve"})
    print(*await asyncio.gather(*map(greeter.result, calls)))

    # The service's own error, a refusal, a deadline, and nobody there.
    for method, arguments in [("hello", {"name": "Godot"}), ("hello", {}), ("wait", {}), ("missing", {})]:
        try:
            await greeter.call(method, arguments, budget=0.3)
        except Failed as failed:
            print(f"{method}: {failed}")

    # A method without a result: the receipt says that an instance has the call.
    print("receipt:", await greeter.call("remember", {"name": "Ann"}, flags=RECEIPT))

    # After a quarter of a second, a caller learns where it can cancel.
    [call] = await greeter.send("wait", {}, budget=60)
    waiting = asyncio.ensure_future(greeter.result(call))
    await asyncio.wait_for(asyncio.shield(call.control), 10)
    waiting.cancel()
    await asyncio.wait([waiting])
    print("cancelled")
    await connection.close()

asyncio.run(asyncio.wait_for(main(), 60))
