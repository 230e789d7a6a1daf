"""Gathers answers and hands in a job with nats-py, as JSON, and prints what came of both, as JSON.

    patterns.py URL SERVICE INSTANCES
"""

import asyncio
import base64
import json
import sys

import nats


async def gather(nc, subject, body, instances):
    """One request, the answers of so many instances, by the names that they give themselves."""
    inbox = nc.new_inbox()
    answers = await nc.subscribe(inbox)
    await nc.publish(subject, json.dumps(body).encode(), reply=inbox)
    found = {}
    for _ in range(instances):
        answer = await answers.next_msg(timeout=20)
        found[answer.headers["Nats-Rpc-Instance"]] = json.loads(answer.data)
    return found


async def ended(bucket, job):
    """The status of a job once nothing changes it any more."""
    watcher = await bucket.watch(job)
    async for entry in watcher:
        if entry is None:
            continue  # That was all there was; what comes later is news.
        status = json.loads(entry.value)
        if status["state"] in ("done", "failed", "cancelled"):
            await watcher.stop()
            return status


async def submit(js, service, method, job, body):
    headers = {"Nats-Rpc-Job": job, "Nats-Msg-Id": job}
    await js.publish(f"{service}._job.{method}", json.dumps(body).encode(), headers=headers)


async def main(url, service, instances):
    nc = await nats.connect(url)
    js = nc.jetstream()
    names = await gather(nc, f"{service}._all.hello", {"name": "Ann"}, int(instances))
    bucket = await js.key_value(f"rpc_jobs_{service}")
    await submit(js, service, "add", "from-python", {"a": 1, "b": 2})
    # Handed in twice, it is one job.
    await submit(js, service, "add", "from-python", {"a": 1, "b": 2})
    status = await asyncio.wait_for(ended(bucket, "from-python"), 20)
    await submit(js, service, "add", "unreadable", {"a": "one"})
    failed = await asyncio.wait_for(ended(bucket, "unreadable"), 20)
    print(json.dumps({
        "names": names,
        "status": status,
        "result": json.loads(base64.b64decode(status["body"])),
        "failed": failed,
    }))
    await nc.close()


asyncio.run(main(*sys.argv[1:]))
