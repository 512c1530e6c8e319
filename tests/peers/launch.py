"""Serve an application in a peer's process: ``python -P launch.py SCRIPT (--fd N | --port N)``.

Runs in the peer's interpreter, never in ours. SCRIPT is a file with a function ``create_app()``
that returns an ASGI application. With ``--fd`` the application is served on a listening socket
that the parent opened, so no port is ever chosen twice, and the process ends with its parent:
stdin is a pipe that nobody writes to, and it closes when the parent is gone.
"""

import argparse
import importlib.util
import os
import select
import shutil
import socket
import sys
import threading

import uvicorn


def die_with_parent():
    """End this process when stdin closes, or when another process has become our parent.

    The second test is for a parent that died but left a forked child which still holds the pipe.
    """
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            readable, _, _ = select.select([0], [], [], 0.5)
            if readable and not os.read(0, 1):
                break
        # Nobody else is left to do it.
        shutil.rmtree(os.environ["PEER_DIRECTORY"], ignore_errors=True)
        os._exit(3)

    threading.Thread(target=watch, name="die-with-parent", daemon=True).start()


def load(script):
    """Import the file and return the application that it makes."""
    name = os.path.splitext(os.path.basename(script))[0]
    spec = importlib.util.spec_from_file_location("peer_" + name, script)
    module = importlib.util.module_from_spec(spec)
    # Tool and step functions look their annotations up in their module by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.create_app()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="number of an inherited listening socket")
    where.add_argument("--port", type=int, help="port on the loopback interface")
    options = parser.parse_args()
    if options.fd is not None:
        die_with_parent()
    config = uvicorn.Config(
        load(options.script),
        host="127.0.0.1",
        port=options.port or 0,
        log_level="warning",
        access_log=False,
    )
    sockets = None if options.fd is None else [socket.socket(fileno=options.fd)]
    uvicorn.Server(config).run(sockets=sockets)


if __name__ == "__main__":
    main()
