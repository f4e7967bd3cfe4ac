"""An ordinary python-socketio client that stays: prints a line for each connection that became a session, until its end.

usage: reconnecting_client.py URL TOKEN
"""
import sys
import threading

import socketio

url, token = sys.argv[1:]
sio = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.5)


@sio.on("session:ready")
def ready(session):
    print("ready", session["sid"], flush=True)


sio.connect(url, socketio_path="/ws/socket.io/", auth={"token": token}, transports=["websocket"], wait_timeout=10)
threading.Event().wait()
