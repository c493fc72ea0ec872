"""Tables on the terminal and in Markdown, and the figures' place in the documentation."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from bench.provenance import Provenance
from bench.record import Record
from bench.tables import Table, tables
from config import ROOT

PAGE = ROOT / "docs" / "benchmark.md"
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"


def show(found: Iterable[Table], console: Console) -> None:
    """Print tables."""
    for table in found:
        shown = RichTable(title=table.title, title_justify="left", title_style="bold")
        for index, head in enumerate(table.heads):
            shown.add_column(head, justify="right" if index else "left")
        for row in table.rows:
            shown.add_row(*(cell.replace("**", "") for cell in row))
        console.print(shown)


def markdown(found: Iterable[Table]) -> str:
    """Return tables in Markdown, each under its title."""
    return "\n\n".join(f"**{table.title}**\n\n{_markdown(table)}" for table in found)


def _markdown(table: Table) -> str:
    lines = [table.heads, ("---", *("---:" for _ in table.heads[1:])), *table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write_page(record: Record, page: Path = PAGE) -> None:
    """Put the figures of a run between the two marks of the page.

    Raises
    ------
    ValueError
        If the page has not got them.
    """
    text = page.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for figures")
    figures = f"{origin(record.provenance)}\n\n{markdown(tables(record))}"
    page.write_text(f"{head}{begin}\n{figures}\n{end}{tail}")


def origin(provenance: Provenance) -> str:
    """Say in a sentence where the figures come from."""
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    dirty = " with uncommitted changes" if provenance.dirty else ""
    return (
        f"Measured on {provenance.started_at:%Y-%m-%d} from commit `{provenance.commit}`{dirty} by"
        f" `{provenance.command}` on {provenance.cores} cores ({provenance.processor}, {provenance.memory_gib} GiB),"
        f" Python {provenance.python}; {versions}."
    )
