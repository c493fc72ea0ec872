"""Passwords in URLs stay hidden."""

import pytest

from core.utilities.urls import redact, redact_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:s3cret@db:6379/0", "redis://:***@db:6379/0"),
        ("rediss://worker:s3cret@db:6379/0?timeout=3", "rediss://worker:***@db:6379/0?timeout=3"),
        ("redis://:p@ss/w:rd@db:6379/0", "redis://:***@db:6379/0"),
        ("redis://db:6379/0?password=s3cret&timeout=3", "redis://db:6379/0?password=***&timeout=3"),
        ("amqp://guest:s3cret@mq//", "amqp://guest:***@mq//"),
    ],
)
def test_the_password_of_a_url_is_hidden_and_nothing_else(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_passwords_inside_a_sentence_are_hidden() -> None:
    text = "tried 'redis://:one@a:1/0' and redis://me:two@b:2/0, mail ops@example.org"

    assert redact(text) == "tried 'redis://:***@a:1/0' and redis://me:***@b:2/0, mail ops@example.org"


def test_every_url_of_a_failover_list_is_hidden() -> None:
    shown = redact_url("sentinel://:one@a:26379;sentinel://:two@b:26379")

    assert "one" not in shown
    assert "two" not in shown
