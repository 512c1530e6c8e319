"""One of several processes that serve the same Python functions over one store.

``python -m tests.local_host STORE FOLDER`` prints its URL and serves until its standard input
ends. What runs do is steered by files in the folder, which the tests make and look for.
"""

import os
import sys
import time
from pathlib import Path
from typing import Iterator

from remoteagent_lite.gateway import Gateway, Run, agent
from remoteagent_lite.gateway.local import engine
from remoteagent_lite.testing import serve

#: No test waits long for a dead process to be noticed, and none that is slow is taken for it.
engine.BEAT, engine.LEASE = 0.1, 4.0


def gateway(store: str, directory: str) -> Gateway:
    """``wait`` tells a piece, waits for the file "go on", and leaves its process id in "ended"."""
    folder = Path(directory)

    @agent(id="wait")
    def wait(run: Run) -> Iterator[str]:
        yield "begun in %d; " % os.getpid()
        try:
            while not (folder / "go on").exists():
                yield ""
                if run.cancelled:
                    return
                time.sleep(0.01)
        finally:
            (folder / "ended").write_text(str(os.getpid()))
        yield "gone on"

    @agent(id="order")
    def order(run: Run) -> Iterator[str]:
        def buy(item: str) -> int:
            with (folder / "bought").open("a") as file:
                file.write(item + "\n")
            return 12

        price = run.tool("buy", {"item": run.text}, buy)
        yield "It costs %d. " % price
        size = run.ask("Which size?")
        yield "Size %s, answered in %d." % (size, os.getpid())

    @agent(id="where")
    def where(run: Run) -> str:
        return str(os.getpid())

    return Gateway(wait, order, where, a2a=True, store=store)


def main() -> None:
    with gateway(sys.argv[1], sys.argv[2]) as app, serve(app) as url:
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
