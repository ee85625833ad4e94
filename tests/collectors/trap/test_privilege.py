"""The receiver listens on port 162 with CAP_NET_BIND_SERVICE alone: no other capability, and no root."""

import json
import os
import subprocess
import sys

RECEIVE = """
import ctypes, json, os, socket, struct, sys
from collectors.trap.receiver import Datagram, Listener, ListenError

def keep(capability):
    "All capabilities but this one are given up, and root with them."
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(8, 1, 0, 0, 0) == 0  # PR_SET_KEEPCAPS
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    head = struct.pack("=Ii", 0x20080522, 0)  # capset(2), version 3
    bits = 1 << capability if capability is not None else 0
    assert libc.capset(head, struct.pack("=6I", bits, bits, 0, 0, 0, 0)) == 0

keep(int(sys.argv[1]) if len(sys.argv) > 1 else None)
try:
    with Listener("127.0.0.33:162", receive_buffer_bytes=262_144) as listener:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello", listener.address)
        heard: list[Datagram] = []
        while not heard:
            listener.drain(heard, 10, float("inf"))
        print(json.dumps({"uid": os.getuid(), "heard": heard[0].payload.decode(), "effective": open("/proc/self/status").read()}))
except ListenError as error:
    print(json.dumps({"uid": os.getuid(), "refused": str(error)}))
"""
NET_BIND_SERVICE = "10"


def receive(*capability: str) -> dict[str, str]:
    done = subprocess.run([sys.executable, "-c", RECEIVE, *capability], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def test_the_one_capability_is_enough_and_without_it_the_remedy_is_told() -> None:
    """A test that runs as root gives everything else up first; one that does not can only see the refusal."""
    if os.geteuid() != 0:
        done = subprocess.run(
            [sys.executable, "-c", RECEIVE.replace("\nkeep(", "\n0 and keep(")], capture_output=True, text=True, check=True
        )
        assert "CAP_NET_BIND_SERVICE" in done.stdout
        return
    granted = receive(NET_BIND_SERVICE)
    assert (granted["uid"], granted["heard"]) == (65534, "hello")
    [effective] = [line.split()[1] for line in granted["effective"].splitlines() if line.startswith("CapEff")]
    assert int(effective, 16) == 1 << int(NET_BIND_SERVICE)
    refused = receive()
    assert refused["uid"] == 65534
    assert "CAP_NET_BIND_SERVICE" in refused["refused"]
