"""A client that speaks nats-rpc's own dialect (docs/protocol.md), for others to start from; framed_calls.py calls with it.
Beside Python 3.10 or later, it needs nats-py and msgpack."""
import asyncio, json, os, time
import msgpack

FRAMES = {  # the number of each kind, the names of what stands behind it, and what may be missing behind that, with its type
    "call": (1, "id flags budget_ms expires_unix_ms attempt headers credit args".split(), {}),
    "success": (2, "id handler_us body headers instance".split(), {"across_accounts": bool}),
    "error": (3, "id code execution flags message handler_us retry_after_ms body headers instance".split(), {"across_accounts": bool}),
    "item": (5, "id seq body".split(), {}), "end": (6, "id seq code execution message body headers".split(), {}),
    "credit": (7, "id messages bytes".split(), {}), "cancel": (4, ["id"], {}), "heartbeat": (9, [], {"number": int, "control": str}),
    "accepted": (8, "id instance credit headers".split(), {"flags": int, "control": str}),
}
KINDS = {number: (kind, names, later) for kind, (number, names, later) in FRAMES.items()}
MESSAGE_PACK, JSON, CODEC, RECEIPT, WHOLE_MESSAGE = 0, 1, 0b1111, 1 << 4, 1 << 7  # flags
CODECS = {MESSAGE_PACK: (msgpack.packb, msgpack.unpackb), JSON: (lambda value: json.dumps(value).encode(), json.loads)}
EXECUTION = ["not executed", "maybe executed", "executed"]

def write(*frames):
    message = b"\xc1\x01"
    for frame in frames:
        number, names, later = FRAMES[frame["kind"]]
        last = max((at for at, name in enumerate(later, 1) if frame.get(name) is not None), default=0)
        message += msgpack.packb([number, *map(frame.get, [*names, *later][: len(names) + last])])
    return message

def read(message):
    unpacker = msgpack.Unpacker()
    unpacker.feed(message[2:])
    for number, *elements in unpacker:
        kind, names, later = KINDS.get(number, ("unknown", [], {}))
        if len(elements) < len(names): raise ValueError(f"too little in a frame of kind {kind}")
        more = zip(later.items(), elements[len(names):])  # of another type, they are of a later version
        more = {name: value for (name, type_), value in more if type(value) is type_}
        yield {"kind": kind, **dict(zip(names, elements)), **more}
    if message[:2] != b"\xc1\x01" or unpacker.tell() != len(message) - 2:
        raise ValueError("not made of frames of version 1")

class Failed(Exception):
    def __init__(self, code, execution, message, value=None):
        super().__init__(f"{code} {message} ({EXECUTION[execution]})" + (f" {value}" if code == 422 else ""))
        self.code, self.execution, self.value = code, execution, value  # the service's own error, if the code is 422

class Call:
    def __init__(self, reply, flags, budget):
        self.id, self.reply, self.codec, self.budget = os.urandom(8), reply, CODECS[flags & CODEC], budget
        self.answer = asyncio.get_running_loop().create_future()
        self.control = asyncio.get_running_loop().create_future()  # where it can be cancelled, once that is known

class Client:
    def __init__(self, connection, service):
        self.nats, self.service, self.inbox, self.calls = connection, service, connection.new_inbox(), {}

    async def listen(self):
        await self.nats.subscribe(f"{self.inbox}.*", cb=self.receive)

    async def send(self, method, *arguments, flags=MESSAGE_PACK, budget=5.0):  # several calls in one message
        reply, ms = f"{self.inbox}.{os.urandom(4).hex()}", int(budget * 1000)
        calls = [Call(reply, flags, budget) for _ in arguments]
        head = {"kind": "call", "flags": flags, "budget_ms": ms, "expires_unix_ms": int(time.time() * 1000) + ms, "attempt": 1}
        frames = [{**head, "id": call.id, "args": call.codec[0](args)} for call, args in zip(calls, arguments)]
        self.calls |= {call.id: call for call in calls}
        await self.nats.publish(f"{self.service}.{method}", write(*frames), reply=reply)
        return calls

    async def result(self, call):
        try:
            return await asyncio.wait_for(call.answer, call.budget + 1)  # the server answers at the deadline
        finally:
            del self.calls[call.id]
            if call.answer.cancelled() and call.control.done():
                await self.nats.publish(call.control.result(), write({"kind": "cancel", "id": call.id}))

    async def call(self, method, arguments, **options):
        return await self.result((await self.send(method, arguments, **options))[0])

    async def receive(self, message):
        if not message.data and not message.headers: return  # another account: the end of all replies
        of_message = [call for call in self.calls.values() if call.reply == message.subject]
        if not message.data and (message.headers or {}).get("Status") == "503":
            return fail(of_message, Failed(503, 0, f"nobody serves this method of {self.service}"))
        try:
            frames = list(read(message.data))
        except ValueError as error:
            return fail(of_message, Failed(500, 1, f"the reply cannot be read: {error}"))
        for frame in frames:
            match frame, self.calls.get(frame.get("id")):
                case {"kind": "accepted"}, Call(control=control) if not control.done():
                    control.set_result(message.reply or frame["control"])
                case {"kind": "success", "body": body}, Call(answer=answer, codec=(_, decode)) if not answer.done():
                    answer.set_result(decode(body))
                case {"kind": "error", "code": code, "body": body}, call:
                    value = call.codec[1](body) if call and body is not None else None
                    error = Failed(code, frame["execution"], frame["message"], value)
                    fail(of_message if frame["flags"] & WHOLE_MESSAGE else filter(None, [call]), error)

def fail(calls, error):
    for call in calls:
        call.answer.done() or call.answer.set_exception(error)
