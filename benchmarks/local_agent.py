"""The benchmarks' scripted agent as a Python function. Prints its URL and serves, by waitress.

"chunks N" is answered in N pieces, and anything else by an echo, as the peers answer it. The store
is the first argument.
"""

import sys
from typing import Any, Iterator

from waitress.server import create_server

from remoteagent_lite.gateway import Gateway, agent


@agent(id="plain", description="Says what it is told.")
def plain(run: Any) -> Iterator[str]:
    verb, _, count = run.text.partition(" ")
    if verb != "chunks":
        yield "echo: " + run.text
        return
    for number in range(int(count)):
        yield "w%d " % number


def main() -> None:
    app = Gateway(plain, store=sys.argv[1])
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=8)
    print("http://127.0.0.1:%s/a2a/agents/plain" % server.effective_port, flush=True)
    server.run()


if __name__ == "__main__":
    main()
