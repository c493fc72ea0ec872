import re

import pytest

from config import ROOT

SOURCES = "".join(path.read_text() for path in (ROOT / "core").rglob("*.py"))
KEYS = sorted(set(re.findall(r'f?"(tripcast:[a-z-]+(?::[a-z]+)*)', SOURCES)))


def test_keys_are_found() -> None:
    assert {"tripcast:routes", "tripcast:worker", "tripcast:dead-letters:count"} <= set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_redis_is_documented(key: str) -> None:
    documented = re.findall(r"`(tripcast:[a-z:-]+?):?(?:<[a-z]+>)?`", (ROOT / "docs" / "celery.md").read_text())

    assert key in documented
