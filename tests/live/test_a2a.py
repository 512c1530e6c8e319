"""The same behaviours on every A2A peer, by every binding and version (`a2a_behaviours`)."""

import pytest

from tests.peers.server import PeerServer

from . import a2a_behaviours as conformance
from .a2a_behaviours import BEHAVIOURS, LIMITS, WAYS, Behaviour, Way


@pytest.fixture(scope="session")
def url(request: pytest.FixtureRequest) -> str:
    """Where the peer of that fixture is. Of this scope, so that no test sees it start."""
    peer: PeerServer = request.getfixturevalue(request.param)
    return peer.url


def each_case(*, limited: bool) -> pytest.MarkDecorator:
    """Ways and behaviours: those that go together, or those of which something else is seen."""
    cases = [
        pytest.param(way.peer, way, behaviour, id="%s-%s" % (way.id, behaviour.__name__))
        for way in WAYS
        for behaviour in BEHAVIOURS
        if ((way.id, behaviour) in LIMITS) is limited
        if not limited or LIMITS[way.id, behaviour].instead is not None
    ]
    return pytest.mark.parametrize(("url", "way", "behaviour"), cases, indirect=["url"])


@each_case(limited=False)
def test_behaviour(url: str, way: Way, behaviour: Behaviour) -> None:
    behaviour(way.at(url))


@each_case(limited=True)
def test_what_happens_instead(url: str, way: Way, behaviour: Behaviour) -> None:
    instead = LIMITS[way.id, behaviour].instead
    assert instead is not None
    instead(way.at(url))


def test_document_says_what_the_tests_show() -> None:
    written = conformance.DOCUMENT.read_text(encoding="utf-8")
    assert written == conformance.document(), (
        "%s is out of date: run `python -m tests.live.a2a_behaviours` in the project's root"
        % conformance.DOCUMENT.name
    )
