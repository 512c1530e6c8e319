"""Runs an agent, a team and a workflow on a real AgentOS, blocking and streaming.

Starts a server with a scripted model in an environment of its own (made on the first run), so it
needs no LLM key and leaves nothing behind.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from remoteagent_lite import AgentOSClient, RemoteAgent, RemoteTeam, RemoteWorkflow
from tests.peers.environments import is_ready
from tests.peers.server import AGENTOS_LATEST, PeerServer


def title(text: str) -> None:
    print("\n--- %s" % text)


def main() -> None:
    if not is_ready(AGENTOS_LATEST):
        print("Installing a server (%s) into .peers/: about a minute, once." % AGENTOS_LATEST)
    with PeerServer(AGENTOS_LATEST) as server:
        with AgentOSClient(server.url) as client:
            info = client.info()
            print("AgentOS %s is up at %s" % (info.agno_version, server.url))

        with RemoteAgent(server.url, "my-agent") as agent:
            title("Agent %r, blocking" % agent.name)
            output = agent.run("What is the capital of France?", session_id="demo")
            print("%s: %s" % (output.status, output.content))

            title("Agent, streaming")
            with agent.run("Tell me a story", stream=True) as stream:
                for piece in stream.text():
                    print(piece, end="", flush=True)
                    time.sleep(0.02)  # the scripted model is faster than anybody can read
            print()

            title("Agent, a tool that waits for your consent")
            paused = agent.run("delete /tmp/old-report.txt", session_id="demo")
            for tool in paused.tools_requiring_confirmation:
                print("%s: %s(%s)? yes" % (paused.status, tool.tool_name, tool.tool_args))
                tool.confirm()
            print(agent.continue_run(paused).content)

            title("Agent, cancelled half way")
            with agent.run("slow:100:0.05", stream=True) as stream:
                for number, piece in enumerate(stream.text()):
                    print(piece, end="", flush=True)
                    if number == 5:
                        print("... cancelled: %s" % stream.cancel())
                        break

        with RemoteTeam(server.url, "my-team") as team:
            title("Team %r, blocking" % team.name)
            print(team.run("hello team").content)
            title("Team, streaming")
            with team.run("hello again, team", stream=True) as stream:
                print("".join(stream.text()))

        with RemoteWorkflow(server.url, "qa-workflow") as workflow:
            title("Workflow %r, blocking" % workflow.name)
            print(workflow.run("hello workflow").content)
            title("Workflow, streaming")
            with workflow.run("hello workflow", stream=True) as stream:
                for event in stream:
                    if event.event == "StepStarted":
                        print("[step %s] " % event.step_name, end="", flush=True)
                    elif event.event == "StepCompleted":
                        print(event.content)
                print("the workflow ended as %s" % stream.output().status)
    print("\nThe server is stopped.")


if __name__ == "__main__":
    main()
