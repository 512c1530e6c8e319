"""What headers say of how long an answer may be used again."""

import pytest

from remoteagent_lite.http.caching import lifetime, may_be_stored


@pytest.mark.parametrize(
    ("value", "age", "seconds"),
    [
        ("", "", None),
        ("public", "", None),
        ("s-maxage=10", "", None),
        ("max-age=60", "", 60.0),
        ("public, Max-Age = 60, must-revalidate", "", 60.0),
        ('max-age="60"', "", 60.0),
        ("max-age=60, max-age=90", "", 60.0),
        ("max-age=60", "20", 40.0),
        ("max-age=60", "80", 0.0),
        ("max-age=60", "soon", 60.0),
        ("max-age=0", "", 0.0),
        ("max-age=-5", "", 0.0),
        ("max-age=1.5", "", 0.0),
        ("max-age", "", 0.0),
        ("max-age=\xb2", "", 0.0),
        ("max-age=" + "9" * 5000, "", 9999999999.0),
        ("max-age=60, no-cache", "", 0.0),
        ('no-cache="set-cookie", max-age=60', "", 0.0),
        ("NO-STORE", "", 0.0),
    ],
)
def test_lifetime(value: str, age: str, seconds: float) -> None:
    assert lifetime({"cache-control": value, "age": age}) == seconds


def test_only_no_store_forbids_to_keep_what_came() -> None:
    for value, kept in (("no-cache", True), ("", True), ("private, no-store", False)):
        assert may_be_stored({"cache-control": value}) is kept
    assert may_be_stored({}) and lifetime({}) is None
