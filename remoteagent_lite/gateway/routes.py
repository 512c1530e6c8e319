"""What a component answers below its id: routes, and what is not among them. No I/O."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from ..protocols.agentos.received import InvalidFieldError
from ..wsgi import Refused
from .incoming import Answer, Incoming, json_answer

__all__ = ["Routes"]

Route = Callable[..., Answer]


class Routes:
    """By method and segments: ``("GET", "runs", "")``, where "" stands for an id.

    ``unknown`` says of words that a path may have why they are not answered here.
    """

    def __init__(
        self, routes: Dict[Tuple[str, ...], Route], unknown: Mapping[str, str], name: str
    ) -> None:
        self._routes = routes
        self._unknown = unknown
        self._name = name

    def answer(self, incoming: Incoming, rest: List[str], *given: Any) -> Answer:
        """Call the route for ``rest`` with ``given``, the request and the id. Blocks.

        Refused: 501 for what has a reason, 405, 404. A field that cannot be read is answered 422.
        """
        # The id of the run stands third.
        shape = tuple("" if place == 1 else each for place, each in enumerate(rest))
        route = self._routes.get((incoming.method, *shape))
        if route is None:
            for word, reason in self._unknown.items():
                if word in rest:
                    raise Refused(501, "%s: %s." % (self._name, reason))
            if shape in {each[1:] for each in self._routes}:
                raise Refused(405, "Method Not Allowed")
            raise Refused(404, "Not Found")
        try:
            return route(*given, incoming, *rest[1:2])
        except InvalidFieldError as error:
            return json_answer(422, {"detail": error.detail})
