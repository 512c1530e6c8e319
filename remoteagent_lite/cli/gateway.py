"""``remoteagent gateway``: serve a gateway, an application's or one that a file describes."""

from __future__ import annotations

import argparse
import importlib
import logging
import signal
import socket
import sys
from typing import Any, Iterable

from ..errors import RemoteAgentError
from ..loading import load
from .arguments import Commands, number
from .terminal import say, write

__all__ = ["add_commands"]

#: How long a server may take to answer ``--check``, in seconds.
_PATIENCE = 10.0
_THREADS = 64
_BACKLOG = 1024
#: How much of an answer waits for a slow client before its server waits, in bytes.
_WAITING = 256 * 1024
_EPILOG = """\
The file is TOML (Python 3.11) or JSON; docs/gateway.md says what stands in it. SIGHUP reads it
again: runs under way go on as they are, and a file with a mistake changes nothing. The code of
functions is not read again.

exit status: 0 all is well; 1 APP or the file cannot be used, or with --check a server does not
answer.
"""


def add_commands(commands: Commands) -> None:
    gateway = commands.add_parser(
        "gateway",
        help="serve agents of many servers, and functions, as one AgentOS and as A2A agents",
        description="Serve the gateway APP, or the one that a file describes, with waitress.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    gateway.add_argument(
        "app",
        nargs="?",
        metavar="APP",
        help="MODULE:NAME of a Gateway or another WSGI app, or of one function or remote agent",
    )
    gateway.add_argument("--config", metavar="FILE", help="TOML or JSON")
    gateway.add_argument(
        "--check", action="store_true", help="ask all servers, say what is wrong, and serve nothing"
    )
    gateway.add_argument("--host", help="where to listen (default 127.0.0.1, or the file's)")
    gateway.add_argument("--port", type=number(0), help="(default 8000, or the file's; 0: any)")
    gateway.add_argument(
        "--threads",
        type=number(1),
        metavar="N",
        help="how many requests at once, streams included (default %d, or the file's)" % _THREADS,
    )
    gateway.set_defaults(command=_gateway)


def _gateway(arguments: argparse.Namespace) -> int:
    if (arguments.app is None) == (arguments.config is None):
        raise ValueError("give either an APP, as MODULE:NAME, or --config FILE")
    given = {
        name: getattr(arguments, name)
        for name in ("host", "port", "threads")
        if getattr(arguments, name) is not None
    }
    if arguments.app is not None:
        if arguments.check:
            raise ValueError("--check is for a file: give --config")
        return _serve(_app(arguments.app), given)
    from ..gateway.configuration import read  # --help does not pay for it

    configuration = read(arguments.config)
    if arguments.check:
        return _check(configuration)
    app = _Reloaded(arguments.config, configuration)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, app.reload)
    return _serve(app, {**configuration.server, **given})


def _app(name: str) -> Any:
    """The WSGI app that is named; of a component a gateway of its own."""
    from ..gateway import Gateway, LocalComponent  # as above
    from ..runs.runner import Runner

    found = load(name)
    if isinstance(found, (LocalComponent, Runner)):
        return Gateway(found, a2a=True)  # a remote agent too
    if not callable(found):
        raise ValueError("%s is no WSGI app, but %r" % (name, found))
    return found


def _check(configuration: Any) -> int:
    configuration.gateway().close()  # raises for settings that do not fit
    failed = 0
    for function in configuration.functions:
        write("%r: ok\n" % (function,))
    for remote in configuration.remotes:
        name = "%s %s at %s" % (remote.component.kind, remote.id, remote.base_url)
        try:
            config = remote.get_config(timeout=_PATIENCE)
            write("%s: %s\n" % (name, config.name or "ok"))
        except RemoteAgentError as error:
            failed += 1
            write("%s: %s\n" % (name, error.message))
        remote.close()
    say("%d of %d answer." % (len(configuration.remotes) - failed, len(configuration.remotes)))
    return 1 if failed else 0


class _Reloaded:
    """The gateway of a file, as it was when the file was last good."""

    def __init__(self, path: str, configuration: Any) -> None:
        self._path = path
        self._configuration = configuration
        self._gateway = configuration.gateway()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._gateway(environ, start_response)
        return answer

    def reload(self, *signalled: Any) -> None:
        """Read the file again. What is under way goes on with what it has begun with."""
        from ..gateway.configuration import read  # loaded already

        try:
            configuration = read(self._path)
            stores = [each.settings.get("store") for each in (self._configuration, configuration)]
            # Where it is the same one, it goes on as it is: it may be this process's memory.
            store = self._gateway.store if stores[0] == stores[1] else None
            gateway = configuration.gateway(store)
        except (OSError, ValueError, RemoteAgentError) as error:
            say("remoteagent: nothing has changed: %s" % error)
            return
        before, self._gateway = self._gateway, gateway
        self._configuration = configuration
        before.release()  # its idle connections
        say("%s has been read again." % self._path)

    def close(self) -> None:
        """End what functions are doing, and close what is open."""
        self._gateway.close()


def _serve(app: Any, server: Any) -> int:
    try:
        waitress = importlib.import_module("waitress")
    except ImportError as error:
        raise ValueError(
            "serving takes waitress: pip install 'remoteagent-lite[serve]'; or give "
            "remoteagent_lite.gateway.from_file(...) to a server of yours"
        ) from error
    # As after Ctrl-C: what functions are doing is ended, and told so.
    signal.signal(signal.SIGTERM, lambda *signalled: sys.exit(0))
    host, port = server.get("host", "127.0.0.1"), server.get("port", 8000)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    # Bound here, so that port 0 tells which one it has become.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)  # who has read that it serves is not refused
        shown = "[%s]" % host if ":" in host else host
        say("Serving on http://%s:%d" % (shown, listener.getsockname()[1]))
        threads = server.get("threads", _THREADS)
        waitress.serve(
            app,
            sockets=[listener],
            threads=threads,
            # As many streams as threads, and clients between two requests; waitress has 100.
            connection_limit=2 * threads + 100,
            asyncore_use_poll=True,  # select() ends at 1,024 sockets
            # An idle client keeps its place for as long as a run may be silent.
            channel_timeout=3600,
            outbuf_high_watermark=_WAITING,
            backlog=_BACKLOG,
            clear_untrusted_proxy_headers=False,  # the gateway knows whom to trust
            ident=None,
            _quiet=True,
        )
    close = getattr(app, "close", None)
    if close is not None:
        close()
    return 0
