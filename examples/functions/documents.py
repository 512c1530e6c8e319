"""Files in and out, and what was said before."""

import csv
import io
from collections import Counter
from typing import Iterator

from remoteagent_lite.gateway import AgentError, Run, agent


@agent(input_modes=["text/plain"], output_modes=["text/csv", "text/plain"])
def count_words(run: Run) -> Iterator[str]:
    """Counts the words of text files, and sends a table for each."""
    if not run.files:
        raise AgentError("Send a text file.")
    for file in run.files:
        if file.content is None:
            raise AgentError("Send the file itself, not where it is.")
        words = Counter(file.content.decode("utf-8", "replace").lower().split())
        table = io.StringIO()
        csv.writer(table).writerows(words.most_common())
        name = (file.filename or "words").rsplit(".", 1)[0]
        run.send_file(table.getvalue().encode(), filename=name + ".csv", media_type="text/csv")
        yield "%s: %d words. " % (name, sum(words.values()))


@agent
def diary(run: Run) -> str:
    """Remembers what was said in a session: "what did I say?" tells it."""
    said = [each.content for each in run.history if each.role == "user"]
    if run.text.lower().startswith("what did i say"):
        return "\n".join(said) or "Nothing yet."
    return "Noted, after %d others." % len(said)
