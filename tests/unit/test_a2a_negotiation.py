"""Which interface of a card is used, where credentials go, and what an error says about that."""

from __future__ import annotations

import ipaddress
import json
import socket

import pytest
from hypothesis import given, strategies as st

from remoteagent_lite import errors
from remoteagent_lite.errors import (
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    UnsupportedError,
)
from remoteagent_lite.protocols.a2a.card import read_card
from remoteagent_lite.protocols.a2a.faults import fault_of
from remoteagent_lite.protocols.a2a.hosts import credentials_allowed, same_origin
from remoteagent_lite.protocols.a2a.interface import AGNO, JSONRPC, REST, Interface
from remoteagent_lite.protocols.a2a.negotiation import (
    candidates,
    check_extensions,
    guesses,
    next_interfaces,
    offers,
    placed_at,
)

BASE = "https://agent.example"
CARD = BASE + "/.well-known/agent-card.json"
LOCAL = "http://127.0.0.1:8001/.well-known/agent-card.json"

J1 = Interface(JSONRPC, "1.0", BASE + "/rpc")
J0 = Interface(JSONRPC, "0.3", BASE + "/rpc")
R1 = Interface(REST, "1.0", BASE + "/rest")
R0 = Interface(REST, "0.3", BASE + "/rest")


def new(*entries, **fields):
    """A card of 1.0 with (url, binding, version) entries."""
    names = ("url", "protocolBinding", "protocolVersion", "tenant")
    listed = [dict(zip(names, each)) for each in entries]
    return {"name": "x", "supportedInterfaces": listed, **fields}


def old(url=BASE + "/rpc", *others, **fields):
    """A card of 0.3 with (url, transport) as additional interfaces."""
    more = [{"url": each[0], "transport": each[1]} for each in others]
    return {"name": "x", "url": url, "additionalInterfaces": more, **fields}


def entry(interface):
    return (interface.url, interface.binding, interface.version)


def short(interfaces):
    return ["%s %s" % (each.binding, each.version) for each in interfaces]


def url_of(card_url, url, binding="JSONRPC"):
    (found,) = candidates(new((url, binding, "1.0")), card_url)
    return found.url


# What the card says ------------------------------------------------------------------------------


def test_supported_interfaces_count_alone_and_in_their_order():
    card = new(entry(R1), entry(J1), url=BASE + "/other", preferredTransport="JSONRPC")
    assert candidates(dict(card, protocolVersion="0.3.0"), CARD) == [R1, J1]


def test_missing_version_of_an_entry_is_1_0_and_then_0_3():
    entries = [{"url": J1.url, "protocolBinding": "JSONRPC"}]
    for version in (None, ""):
        entries[0]["protocolVersion"] = version
        assert candidates({"name": "x", "supportedInterfaces": entries}, CARD) == [J1, J0]


@pytest.mark.parametrize("binding", ["GRPC", "https://bindings.example/own", "", None, 7])
def test_entry_of_no_known_binding_is_skipped(binding):
    assert candidates(new((BASE, binding, "1.0"), entry(J1)), CARD) == [J1]


@pytest.mark.parametrize("listed", [[], None, "none", [7]])
def test_old_fields_count_where_there_are_no_supported_interfaces(listed):
    card = old(J0.url, (R0.url, "HTTP+JSON"), supportedInterfaces=listed)
    assert candidates(card, CARD) == [J0, R0]


def test_preferred_transport_is_that_of_the_url():
    card = old(R0.url, preferredTransport="HTTP+JSON", protocolVersion="0.3.0")
    assert candidates(card, CARD) == [R0]


@pytest.mark.parametrize("version", [None, "", "0.3", "0.3.0", "v0.3", "0.2.5", "0.2", 0.3, "late"])
def test_old_card_is_0_3_unless_it_says_more(version):
    assert candidates(old(protocolVersion=version), CARD) == [J0]


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1.7", "1"])
def test_old_card_that_says_1_0_may_be_either(version):
    assert candidates(old(protocolVersion=version), CARD) == [J1, J0]


@pytest.mark.parametrize(
    ("said", "version"),
    [("1.0.0", "1.0"), ("1.7", "1.0"), (" v1.0 ", "1.0"), (1.0, "1.0"), ("0.3.0", "0.3")],
)
def test_major_and_minor_version_count_alone(said, version):
    assert candidates(new((J1.url, "JSONRPC", said)), CARD) == [J1._replace(version=version)]


@pytest.mark.parametrize("version", ["2.0", "10.0", "0.1", "0.30"])
def test_unknown_versions_are_skipped(version):
    assert candidates(new((BASE, "JSONRPC", version), entry(J1)), CARD) == [J1]
    with pytest.raises(UnsupportedError, match=version):
        candidates(old(protocolVersion=version), CARD)


def test_bindings_are_compared_without_case():
    assert candidates(new((R1.url, "http+json", "1.0"), (J1.url, "JsonRpc", "1.0")), CARD) == [
        R1,
        J1,
    ]
    assert candidates(old(preferredTransport="jsonrpc"), CARD) == [J0]


def test_neither_form_is_an_error_that_says_what_to_do():
    with pytest.raises(UnsupportedError, match="none at all.*interface_url=") as caught:
        candidates({"name": "x"}, CARD)
    assert CARD in str(caught.value)


@pytest.mark.parametrize("end", ["/v1/message:stream", "/v1/message:send", "/v1/message:stream/"])
def test_url_of_a_method_is_an_agentos(end):
    base = BASE + "/a2a/agents/my-agent"
    for card in (old(base + end, protocolVersion="0.3.0"), new((base + end, "JSONRPC", "1.0"))):
        for binding in (None, JSONRPC, REST):
            found = candidates(card, CARD, binding=binding)
            assert found == [Interface(AGNO, "0.3", base)]
        with pytest.raises(UnsupportedError):
            candidates(card, CARD, version="1.0")


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        ([J0, J1], [J1, J0]),
        ([R0, R1], [R1, R0]),
        ([R0, J0], [J0, R0]),
        ([R1, J1], [R1, J1]),
        ([R0, R1, J0], [R1, J0, R0]),
        ([R0, J1, J0], [J1, J0, R0]),
        ([J0, R1], [J0, R1]),
    ],
)
def test_order_is_the_cards_but_for_what_is_worse(entries, order):
    assert candidates(new(*map(entry, entries)), CARD) == order


def test_same_interface_twice_is_one():
    assert candidates(old(J0.url, (J0.url, "JSONRPC")), CARD) == [J0]
    assert candidates(new(entry(J1), (J1.url, "jsonrpc", "1.0.0")), CARD) == [J1]


def test_tenant_is_kept_and_0_3_cannot_have_one():
    (found,) = candidates(new((J1.url, "JSONRPC", "", "acme")), CARD)
    assert found == J1._replace(tenant="acme")
    with pytest.raises(UnsupportedError, match="tenant"):
        candidates(new((J1.url, "JSONRPC", "0.3", "acme")), CARD)


def test_caller_may_force_binding_and_version():
    card = new(*map(entry, [J1, R1, J0, R0]))
    assert candidates(card, CARD, binding=REST) == [R1, R0]
    assert candidates(card, CARD, version="0.3") == [J0, R0]
    assert candidates(card, CARD, binding=REST, version="0.3") == [R0]


def test_nothing_left_says_what_there_is_and_what_was_asked():
    card = new(entry(J1), ("grpc://agent.example", "GRPC", "1.0"))
    with pytest.raises(UnsupportedError) as caught:
        candidates(card, CARD, binding=REST, version="0.3")
    for part in ("HTTP+JSON 0.3", "JSONRPC 1.0 at %s" % J1.url, "GRPC", "a2a_protocol"):
        assert part in str(caught.value)
    assert caught.value.url == CARD


def test_card_in_the_form_of_1_0_gives_the_same_candidates():
    for card in (old(J0.url, (R0.url, "HTTP+JSON")), new(entry(R1), entry(J0))):
        assert candidates(read_card(card, CARD), CARD) == candidates(card, CARD)


@pytest.mark.parametrize(
    ("base", "found"),
    [
        (BASE + "/a", [J1._replace(url=BASE + "/a"), J0._replace(url=BASE + "/a")]),
        (CARD, [J1._replace(url=BASE), J0._replace(url=BASE)]),
        (BASE + "/a/v1/message:stream", [Interface(AGNO, "0.3", BASE + "/a")]),
    ],
)
def test_guesses_are_json_rpc_of_both_versions(base, found):
    assert guesses(base) == found
    assert guesses(base, "0.3") == found[-1:]


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_guesses_may_be_forced_to_a_version(version):
    assert guesses(J1.url, version) == [J1._replace(version=version)]


def test_named_urls_are_spoken_to_as_they_are():
    assert guesses(BASE + "/rest/", binding=REST) == [R1, R0]
    for binding in (JSONRPC, REST):
        found = guesses(BASE + "/a/v1/message:send", binding=binding)
        assert found == [Interface(AGNO, "0.3", BASE + "/a")]
    assert placed_at(J1, BASE + "/other/") == J1._replace(url=BASE + "/other/")
    assert placed_at(R1, BASE + "/other/") == R1._replace(url=BASE + "/other")
    agno = Interface(AGNO, "0.3", BASE + "/a")
    assert placed_at(agno, BASE + "/b/v1/message:stream") == agno._replace(url=BASE + "/b")
    for end in ("", "/", "/v1"):
        assert placed_at(agno, BASE + "/b" + end) == agno._replace(url=BASE + "/b")
    with pytest.raises(UnsupportedError, match="AgentOS"):
        guesses(BASE + "/a/v1/message:send", "1.0")


# URLs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("/", BASE + "/"),
        ("/rpc/", BASE + "/rpc/"),
        ("../rpc", BASE + "/rpc"),
        ("//other.example/rpc", "https://other.example/rpc"),
        (BASE, BASE),
        (BASE + "/rpc/?a=b#c", BASE + "/rpc/?a=b"),
        ("https://user:password@agent.example/rpc", BASE + "/rpc"),
    ],
)
def test_json_rpc_goes_to_exactly_what_the_card_says(url, found):
    assert url_of(CARD, url) == found


@pytest.mark.parametrize("url", ["/rest", "/rest/", "/rest//", "/rest?a=b"])
def test_rest_urls_end_without_a_slash(url):
    assert url_of(CARD, url, "HTTP+JSON") == R1.url


BOUND = [
    "0.0.0.0",
    "[::]",
    "localhost",
    "127.0.0.1",
    "127.8.9.1",
    "[::1]",
    "LOCALHOST",
    "localhost.",
    "127.1",
    "0x7f.1",
    "0x7F000001",
    "0177.0.0.1",
    "2130706433",
    "0",
    "0x0.0",
    "\u2460\u2461\u2466.0.0.1",
    "\uff11\uff12\uff17\u3002\uff10\u3002\uff10\u3002\uff11",
    "%31%32%37.0.0.1",
    "%6cocalhost",
    "\uff4cocalhost",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
]
#: What means this machine, and is not taken for it where credentials are concerned.
LOCAL_NAMES = ["agent.localhost", "A.B.LocalHost.", "x%2elocalhost"]


@pytest.mark.parametrize("host", BOUND + LOCAL_NAMES)
def test_bind_address_is_replaced_by_where_the_card_came_from(host):
    assert url_of(CARD, "http://%s:8001/rpc?a=b" % host) == BASE + "/rpc?a=b"
    assert url_of("http://10.0.0.5:9/card.json", "http://%s/rpc" % host) == "http://10.0.0.5:9/rpc"


@pytest.mark.parametrize("host", BOUND)
def test_loopback_names_with_one_port_are_one_origin(host):
    assert url_of(LOCAL, "http://%s:8001/rpc" % host) == "http://127.0.0.1:8001/rpc"


def test_other_ports_of_this_machine_are_other_servers():
    assert url_of(LOCAL, "http://localhost:9/rpc") == "http://localhost:9/rpc"
    assert url_of(LOCAL, "http://0.0.0.0:9/rpc") == "http://127.0.0.1:9/rpc"
    assert url_of("http://[::1]:1/card.json", "http://[::]:9/") == "http://[::1]:9/"


@pytest.mark.parametrize("host", ["127.evil.example", "localhost.example", "0.0.0.0.example"])
def test_names_that_look_like_bind_addresses_are_left(host):
    assert url_of(CARD, "https://%s/rpc" % host) == "https://%s/rpc" % host
    assert not same_origin("http://%s/" % host, "http://localhost/")


def test_other_hosts_are_left():
    for url in ("https://other.example/rpc", "https://8.8.8.8:8000/"):
        assert url_of(CARD, url) == url
    assert url_of("http://agent.example/", "http://other.example/") == "http://other.example/"


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_name_below_localhost_is_never_given_the_credentials_of_localhost(host):
    assert not same_origin("http://%s:1/" % host, "http://localhost:1/")
    assert not credentials_allowed("http://%s:1/" % host, "http://localhost:1/", ["localhost"])


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "134744072", "0x08.8.8.8", "256.1", "1.2.3.4.5", "127.0.0.256", "0x.example",
     "08.8.8.example", "127.1.example", "[2001:4860:4860::8888]", "stra\xdfe.example"],
)  # fmt: skip
def test_public_address_is_left_in_whatever_spelling(host):
    url = "https://%s/rpc" % host
    if host in ("256.1", "127.0.0.256"):  # a name, and nobody's
        assert url_of("https://10.0.0.1/", url) == url
    else:
        assert url_of(CARD, url) == url


def test_names_that_idna_maps_to_one_are_not_one_origin():
    """Which one is asked depends on the library: credentials go to the one that was named."""
    assert not same_origin("https://stra\xdfe.example/", "https://strasse.example/")
    assert not credentials_allowed("https://stra\xdfe.example/", BASE, ["strasse.example"])


@pytest.mark.parametrize(
    "url",
    ["http://other.example/rpc", "http://other.example:443/", "http://8.8.8.8/", "http://x.y:8/"],
)
def test_card_that_came_over_https_never_leads_to_http_elsewhere(url):
    card = new((url, "JSONRPC", "1.0"))
    with pytest.raises(UnsupportedError, match="it is http, though the card came over https"):
        candidates(card, CARD)
    origin = "/".join(url.split("/")[:3])
    assert "allow_hosts=[%r]" % origin in offers(card, CARD)[0].reason
    for named in (url.split("/")[2], "https://" + url.split("/")[2], BASE):
        assert not offers(card, CARD, [named])[0].interfaces
    (found,) = candidates(card, CARD, allow_hosts=[origin])
    assert found.url == url


def test_allowed_http_host_is_left_on_the_host_of_the_card():
    card = new(("http://agent.example:8080/rpc", "JSONRPC", "1.0"))
    (found,) = candidates(card, CARD, allow_hosts=["http://agent.example:8080"])
    assert found.url == "http://agent.example:8080/rpc"


def test_endless_list_of_interfaces_is_never_looked_at_to_its_end():
    many = [("https://h%d.example/" % number, "JSONRPC", "1.0") for number in range(100000)]
    for card in (new(*many), old(None, *[(url, binding) for url, binding, _ in many])):
        assert len(offers(card, CARD)) == len(candidates(card, CARD)) == 64
        with pytest.raises(UnsupportedError, match="; 56 more") as caught:
            candidates(card, CARD, binding=REST)
        assert len(str(caught.value)) < 2000
    assert len(read_card(card, CARD)["supportedInterfaces"]) == 100000


def test_replaced_url_is_told_beside_what_the_card_says():
    card = new(("http://0.0.0.0:8001/rpc", "JSONRPC", "1.0"), entry(J1))
    moved, kept = offers(card, CARD)
    assert (moved.url, moved.moved) == (
        "http://0.0.0.0:8001/rpc",
        "the address its server listens on",
    )
    assert (moved.interfaces, kept.interfaces, kept.moved) == ((J1,), (J1,), "")


PRIVATE = [
    "10.1.2.3", "192.168.1.9", "169.254.169.254", "100.64.0.9", "echo-agent", "a.internal",
    "x.home.arpa", "10.258", "0xa.1", "167838211", "0xA010203", "012.0.0.1", "0300.0250.1",
    "[fd00::1]", "[fe80::1]", "[fe80::1%25eth0]", "[::ffff:10.1.2.3]", "[64:ff9b::a01:203]",
    "\u2460\u24ea.1", "\u24911.2.3", "1\u00ad0.1", "\U0001d7cf\U0001d7ce.1",
    "\uff11\uff10.1.2.3", "10\u30021\uff0e2\uff613", "%31%30.1.2.3", "%310.1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_private_address_counts_only_within_a_private_network(host):
    url = "http://%s:8000/rpc" % host
    assert url_of(CARD, url) == J1.url
    assert url_of("http://93.184.215.14/card.json", url) == "http://93.184.215.14/rpc"
    for place in ("127.0.0.1:1", "10.9.9.9", "gateway", "echo.local"):
        assert url_of("http://%s/card.json" % place, url) == url


numbers = st.integers(0, 2**33)
spelled = st.one_of(
    numbers.map(str),
    numbers.map("0{:o}".format),
    numbers.map("0x{:x}".format),
    st.integers(0, 256).map(str),
    st.integers(0, 256).map("0X{:X}".format),
    st.sampled_from(["127", "10", "0x", "08", "00", "0177", "a"]),
)


@given(st.lists(spelled, min_size=1, max_size=5).map(".".join))
def test_addresses_are_read_as_the_resolver_reads_them(host):
    try:
        address = ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        left = "." in host  # else it is a name in a private network
    else:
        left = address.is_global and not (address.is_reserved or address.is_multicast)
    (offer,) = offers(new(("https://%s/rpc" % host, "JSONRPC", "1.0")), CARD)
    assert bool(offer.moved) is not left


@pytest.mark.parametrize(
    ("card_url", "url", "found"),
    [
        (CARD, "http://agent.example/rpc", J1.url),
        (CARD, "http://agent.example:443/rpc", J1.url),
        (CARD, "http://agent.example:8080/rpc", None),
        ("https://localhost:8443/c.json", "http://127.0.0.1:9/", None),
        ("https://localhost:8443/c.json", "http://0.0.0.0:9/", None),
        ("https://localhost:8443/c.json", "http://127.0.0.1:8443/", "https://localhost:8443/"),
    ],
)
def test_same_host_is_never_downgraded_to_http(card_url, url, found):
    (offer,) = offers(new((url, "JSONRPC", "1.0")), card_url)
    assert [each.url for each in offer.interfaces] == ([found] if found else [])


@pytest.mark.parametrize(
    "url",
    [
        "grpc://agent.example",
        "ftp://agent.example/",
        "localhost:9999",
        "https://",
        "https://agent.example:port/",
        "https://[::1/",
        "https://agent.example/a b",
        "https://evil.example\\@agent.example/",
        "https://agent.example/\x00",
        "",
        None,
        7.5,
    ],
)
def test_what_is_no_url_of_http_is_skipped(url):
    card = new((url, "JSONRPC", "1.0"))
    with pytest.raises(UnsupportedError):
        candidates(card, CARD)
    card["supportedInterfaces"].append(new(entry(R1))["supportedInterfaces"][0])
    assert candidates(card, CARD) == [R1]


# Credentials -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "https://A.example:443/x", True),
        ("http://a.example", "http://a.example:80", True),
        ("http://a.example", "https://a.example", False),
        ("https://a.example:1", "https://a.example:2", False),
        ("https://a.example", "https://b.example", False),
        ("https://a.example", "https://sub.a.example", False),
        ("http://localhost:1", "http://127.0.0.1:1", True),
        ("http://[::1]:1", "http://localhost:1", True),
        ("http://localhost:1", "http://localhost:2", False),
        ("http://localhost", "http://0.0.0.0", False),
        ("https://evil.example\\@a.example", "https://a.example", False),
        ("https://a.example@evil.example", "https://a.example", False),
        ("https://[", "https://[", False),
    ],
)
def test_origins(one, other, same):
    assert same_origin(one, other) is same
    assert same_origin(other, one) is same


@pytest.mark.parametrize(
    ("url", "base", "allowed", "expected"),
    [
        ("https://a.example/x", "https://a.example/y", [], True),
        ("https://b.example/x", "https://a.example", [], False),
        ("https://b.example/x", "https://a.example", ["b.example"], True),
        ("https://b.example:8443/x", "https://a.example", ["b.example"], True),
        ("https://b.example:8443/x", "https://a.example", ["B.example:8443"], True),
        ("https://b.example:8443/x", "https://a.example", ["b.example:443"], False),
        ("https://b.example/x", "https://a.example", ["b.example:443"], True),
        ("https://sub.b.example/x", "https://a.example", ["b.example"], False),
        ("http://b.example/x", "https://a.example", ["b.example"], False),
        ("http://b.example/x", "https://a.example", ["b.example:80"], False),
        ("http://b.example/x", "https://a.example", ["http://b.example"], True),
        ("http://b.example/x", "https://a.example", ["https://b.example"], False),
        ("http://b.example/x", "http://a.example", ["b.example"], True),
        ("http://a.example/x", "https://a.example", ["a.example"], False),
        ("http://127.0.0.1:2/", "http://localhost:1", ["localhost:2"], True),
        ("http://[::1]:2/", "http://a.example", ["[::1]:2"], True),
        ("https://evil.example\\@b.example/", "https://a.example", ["b.example"], False),
        ("https://b.example/", "https://a.example", ["", "https://", "[", "b.example:x"], False),
    ],
)
def test_credentials_go_where_the_caller_said(url, base, allowed, expected):
    assert credentials_allowed(url, base, allowed) is expected


# Errors ------------------------------------------------------------------------------------------

OTHER = Interface(REST, "1.0", "https://other.example")
ALL = [J0, R1, R0, OTHER]


def http(status, body=""):
    return RemoteHTTPError("refused", BASE, status, detail=body, body=body)


def unreachable(sent=False):
    return RemoteServerUnavailableError("refused", BASE, request_sent=sent)


@pytest.mark.parametrize("error", [errors.MethodNotFoundError, errors.VersionNotSupportedError])
def test_refused_version_leads_to_the_other_on_the_same_url(error):
    assert next_interfaces(J1, error("no"), [R1, J0, R0]) == [J0, R1, R0]
    assert next_interfaces(J1, error("no"), [R1]) == [R1, J0]
    assert next_interfaces(J0, error("no"), []) == [J1]
    assert next_interfaces(R1, error("no"), [OTHER]) == [OTHER, R0]


def test_refusals_of_real_servers_are_understood():
    info = {"reason": "VERSION_NOT_SUPPORTED", "domain": "a2a-protocol.org"}
    status = {"code": 400, "status": "INVALID_ARGUMENT", "message": "no", "details": [info]}
    error = fault_of(http(400, json.dumps({"error": status})))
    assert next_interfaces(R1, error, [R0]) == [R0]
    error = http(400, json.dumps({"detail": "Invalid A2A request: 1 validation error"}))
    assert fault_of(error) is None
    error.detail = None
    assert next_interfaces(R0, error, []) == [Interface(AGNO, "0.3", R0.url)]
    error = http(404, json.dumps({"detail": "Not Found"}))
    assert fault_of(error) is None
    assert next_interfaces(R1, error, [J1]) == [J1]


def test_no_other_version_of_an_agentos_or_of_a_tenant():
    error = errors.MethodNotFoundError("no")
    assert next_interfaces(Interface(AGNO, "0.3", BASE), error, [J1]) == [J1]
    assert next_interfaces(J1._replace(tenant="acme"), error, []) == []


def test_internal_error_about_the_version_is_about_the_version():
    words = "A2A version '1.0' is not supported by this handler. Expected version '0.3'."
    assert next_interfaces(J1, errors.InternalError("no", detail=words), [J0]) == [J0]


@pytest.mark.parametrize(
    "words", ["", "boom", "version not supported", "tool: A2A version '1.0' is not supported"]
)
def test_internal_error_may_have_run(words):
    assert next_interfaces(J1, errors.InternalError("no", detail=words), ALL) == []


@pytest.mark.parametrize("status", [404, 405])
def test_missing_path_leads_to_other_paths(status):
    assert next_interfaces(R1, http(status, "Not Found"), [J1, R0]) == [J1, R0]
    assert next_interfaces(J1, http(status), ALL) == ALL[1:]
    assert next_interfaces(Interface(AGNO, "0.3", BASE), http(status), []) == []


def test_prefix_may_be_in_the_url_already():
    within = R0._replace(url=R0.url + "/v1")
    assert next_interfaces(within, http(404), [J0]) == [J0, R0]
    assert next_interfaces(R0, http(404), []) == []
    assert next_interfaces(R1._replace(url=R1.url + "/v1"), http(404), []) == []


@pytest.mark.parametrize(
    "interface",
    [
        Interface(JSONRPC, "1.0", BASE + "/a2a/v1/message:stream"),
        Interface(JSONRPC, "0.3", BASE + "/a2a/v1/message:send"),
        Interface(REST, "1.0", BASE + "/a2a/v1"),
        Interface(REST, "0.3", BASE + "/a2a"),
    ],
)
def test_refusal_of_an_agentos_leads_to_its_dialect(interface):
    error = http(400, "Invalid A2A request: 1 validation error")
    agno = Interface(AGNO, "0.3", BASE + "/a2a")
    assert next_interfaces(interface, error, [J1]) == [agno, J1]
    assert next_interfaces(agno, error, [J1]) == [J1]


def test_dead_interface_leads_to_other_servers():
    plain = OTHER._replace(url="http://other.example")
    assert next_interfaces(J1, unreachable(), [*ALL, plain]) == [OTHER]
    open_one = J1._replace(url="http://agent.example/rpc")
    assert next_interfaces(open_one, unreachable(), [plain]) == [plain]


def test_connecting_that_takes_too_long_is_a_dead_interface():
    late = RemoteTimeoutError("late", BASE, phase="connect")
    assert next_interfaces(J1, late, ALL) == [OTHER]


@pytest.mark.parametrize(
    "error",
    [
        unreachable(sent=True),
        RemoteTimeoutError("late", BASE, phase="read", request_sent=True),
        RemoteTimeoutError("late", BASE, phase="total"),
        *(http(status) for status in (400, 401, 403, 409, 410, 422, 429, 500, 502, 503)),
        errors.TaskNotFoundError("no"),
        errors.InvalidParamsError("no"),
        errors.UnsupportedOperationError("no"),
        errors.ProtocolError("no"),
        UnsupportedError("no"),
    ],
)
def test_other_errors_are_no_matter_of_the_interface(error):
    assert next_interfaces(J1, error, ALL) == []


def test_following_every_hint_ends():
    """The caller leaves out what it has tried; then nothing is tried twice, and there is an end."""
    error = errors.MethodNotFoundError("no")
    tried, left = [], [J1]
    while left:
        interface, left = left[0], left[1:]
        tried.append(interface)
        left = [each for each in next_interfaces(interface, error, left) if each not in tried]
    assert tried == [J1, J0]


# Extensions --------------------------------------------------------------------------------------

URI = "https://extensions.example/1"


def demanding(**fields):
    return {"name": "x", "capabilities": {"extensions": [{"uri": URI, **fields}]}}


def test_required_extension_has_to_be_supported():
    card = demanding(required=True, description="Says\x1b[2J more.")
    with pytest.raises(UnsupportedError) as caught:
        check_extensions(card, ["https://extensions.example/2"])
    for part in (URI, "more.", "extensions=[%r]" % URI):
        assert part in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert check_extensions(card, [URI]) is None


@pytest.mark.parametrize(
    "card",
    [demanding(), demanding(required=False), demanding(required="yes"), {}, {"capabilities": 1}],
)
def test_other_extensions_are_no_obstacle(card):
    assert check_extensions(card, []) is None


# Anything at all ---------------------------------------------------------------------------------

words = st.sampled_from(
    [
        "JSONRPC",
        "http+json",
        "GRPC",
        "1.0",
        "0.3.0",
        "2.0",
        "/",
        BASE,
        "http://0.0.0.0:1",
        "http://[",
    ]
) | st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
entries = st.dictionaries(
    st.sampled_from(["url", "protocolBinding", "protocolVersion", "transport", "tenant"]), values
)
cards = st.fixed_dictionaries(
    {},
    optional={
        "supportedInterfaces": st.lists(entries | values, max_size=4) | values,
        "url": values,
        "preferredTransport": values,
        "protocolVersion": values,
        "additionalInterfaces": st.lists(entries | values, max_size=4) | values,
        "capabilities": values | st.fixed_dictionaries({"extensions": values}),
    },
)


@given(card=cards | values, card_url=st.sampled_from([CARD, LOCAL]))
def test_any_json_has_candidates_or_is_refused(card, card_url):
    try:
        found = candidates(card, card_url)
    except UnsupportedError:
        return
    assert found
    for each in found:
        assert (each.binding, each.version) in {
            (JSONRPC, "1.0"), (JSONRPC, "0.3"), (REST, "1.0"), (REST, "0.3"), (AGNO, "0.3")
        }  # fmt: skip
        assert each.url.startswith(("http://", "https://"))
        assert "@" not in each.url.split("/")[2]


@given(st.text(), st.text(), st.lists(st.text()))
def test_any_text_is_a_place_or_is_not(url, base, allowed):
    assert same_origin(url, base) in (True, False)
    assert credentials_allowed(url, base, allowed) in (True, False)
