import io
from pathlib import Path

import pytest
from rich.console import Console

from bench.rendering import PAGE, markdown, show, write_page
from bench.tables import Table
from tests.bench.records import point, record

TABLE = Table("A title", ("", "head"), [("row", "**not reached**")])


def test_a_table_in_markdown_aligns_numbers_to_the_right() -> None:
    assert markdown([TABLE]) == "**A title**\n\n|  | head |\n| --- | ---: |\n| row | **not reached** |"


def test_a_table_on_the_terminal_carries_no_markup() -> None:
    console = Console(file=io.StringIO(), width=80)

    show([TABLE], console)

    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "not reached" in printed
    assert "*" not in printed


def test_figures_are_replaced_between_their_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n<!-- figures:begin -->\nformer figures\n<!-- figures:end -->\nAfter\n")

    for _ in range(2):
        write_page(record(point("ours", 1234.5)), page)

    text = page.read_text()
    assert text.startswith("# Before\n<!-- figures:begin -->\nMeasured on 2026-01-02 from commit `0123456789ab` by")
    assert text.endswith("\n<!-- figures:end -->\nAfter\n")
    assert "| ours | 1,234 |" in text
    assert "former" not in text
    assert text.count("A <processor> & more") == 1


def test_a_page_without_a_place_for_figures_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Nothing\n")

    with pytest.raises(ValueError, match="no place"):
        write_page(record(), page)


def test_the_page_of_the_documentation_has_a_place_for_figures() -> None:
    assert "<!-- figures:begin -->" in PAGE.read_text()
