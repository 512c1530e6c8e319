"""Sign agent cards with the A2A SDK: ``python -P sign_cards.py < JOBS > CARDS``.

Runs in the interpreter of either A2A SDK, never in ours. JOBS is a JSON list of objects with
``card`` (in the form of the SDK's protocol version), ``key`` (a private key as PEM) and ``header``
(the protected one). CARDS is the list of the cards as the SDK's server would send them, with one
signature more each; a card that has signatures keeps them.
"""

import json
import sys

from a2a.types import AgentCard
from a2a.utils.signing import create_agent_card_signer


def read(card):
    if hasattr(AgentCard, "model_validate"):
        return AgentCard.model_validate(card)
    from google.protobuf.json_format import ParseDict

    return ParseDict(card, AgentCard())


def written(card):
    if hasattr(card, "model_dump"):
        return card.model_dump(exclude_none=True, by_alias=True, mode="json")
    from a2a.server.request_handlers.response_helpers import agent_card_to_dict

    return agent_card_to_dict(card)


def main():
    signed = []
    for job in json.load(sys.stdin):
        sign = create_agent_card_signer(job["key"], job["header"])
        signed.append(written(sign(read(job["card"]))))
    json.dump(signed, sys.stdout)


if __name__ == "__main__":
    main()
