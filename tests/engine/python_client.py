"""python-socketio against the server of the test: every step, on the transports of the command line.

usage: python_client.py URL polling|websocket|upgrade
"""
import os
import sys
import threading
import traceback

import socketio

url, way = sys.argv[1:]
transports = None if way == "upgrade" else [way]


class Client:
    def __init__(self):
        self.sio = socketio.Client(reconnection=False)
        self.events = {}
        self.arrived = threading.Condition()
        for name in ("auth", "message-back", "disconnect"):
            self.sio.on(name, lambda *args, name=name: self.note(name, args))
        # its own patience is a second, which a busy machine may take
        self.sio.connect(url, transports=transports, auth={"token": "t"}, wait_timeout=10)
        self.expect("auth", ({"token": "t"},))
        expected = "websocket" if way == "upgrade" else way
        assert self.sio.transport() == expected, self.sio.transport()

    def note(self, name, args):
        with self.arrived:
            self.events[name] = args
            self.arrived.notify_all()

    def expect(self, name, args):
        with self.arrived:
            assert self.arrived.wait_for(lambda: name in self.events, 10), f"no {name}"
            assert self.events.pop(name) == args, name


def main():
    client = Client()
    assert client.sio.call("message-with-ack", ("one", 2)) == ("one", 2)
    print("ack", flush=True)
    client.sio.emit("message", (b"\x01\x02\x03", {"deep": b"\xff"}))
    client.expect("message-back", (b"\x01\x02\x03", {"deep": b"\xff"}))
    print("binary", flush=True)
    big = "x" * 999_900
    assert client.sio.call("message-with-ack", big) == big
    print("1 MB", flush=True)
    client.sio.emit("leave")
    client.expect("disconnect", ())
    print("server disconnect", flush=True)

    client = Client()
    client.sio.emit("message", "x" * 1_000_001)
    # on a refused POST this client ends without its "disconnect" event
    client.sio.eio.wait()
    assert client.sio.eio.state == "disconnected"
    print("over the limit", flush=True)


try:
    main()
    code = 0
except BaseException:
    traceback.print_exc()
    code = 1
sys.stderr.flush()
os._exit(code)  # the client's threads outlive a failed step
