"""What the launcher writes."""

import io

from boot.local.console import Console


def test_lines_carry_the_name_of_who_wrote_them() -> None:
    stream = io.StringIO()
    console = Console(stream=stream, environment={})
    console.line("web", "hello")
    console.say("ready")

    assert stream.getvalue() == "web      | hello\ntripcast | ready\n"


def test_children_of_a_kind_share_a_colour() -> None:
    stream = io.StringIO()
    console = Console(stream=stream, environment={"FORCE_COLOR": "1"})
    for name in ("worker-1", "worker-2", "web"):
        console.line(name, "x")

    first, second, web = (line.partition("m")[0] for line in stream.getvalue().splitlines())
    assert first == second != web


def test_no_color_wins() -> None:
    assert not Console(stream=io.StringIO(), environment={"FORCE_COLOR": "1", "NO_COLOR": "1"}).colour


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    stream = io.StringIO()
    console = Console(stream=stream, environment={})
    stream.close()

    console.say("nobody reads this")
    assert stream.closed
