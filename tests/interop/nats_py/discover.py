"""Asks services what they are with nats-py, and prints what its own types make of the answers, as JSON.

    discover.py URL ANSWERS [NAME [ID]]

It waits for so many answers to each question.
"""

import asyncio
import json
import sys

import nats
from nats.micro.service import ServiceInfo, ServicePing, ServiceStats, ServiceVerb, control_subject

TYPES = {ServiceVerb.PING: ServicePing, ServiceVerb.INFO: ServiceInfo, ServiceVerb.STATS: ServiceStats}


async def ask(nc, verb, answers, whom):
    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox)
    await nc.publish(control_subject(verb, *whom), reply=inbox)
    messages = [await subscription.next_msg(timeout=20) for _ in range(answers)]
    await subscription.unsubscribe()
    return [
        {"raw": json.loads(message.data), "read": TYPES[verb].from_dict(json.loads(message.data)).to_dict()}
        for message in messages
    ]


async def main():
    url, answers, *whom = sys.argv[1:]
    nc = await nats.connect(url)
    print(json.dumps({verb.value: await ask(nc, verb, int(answers), whom) for verb in TYPES}))
    await nc.close()


asyncio.run(asyncio.wait_for(main(), 60))
