"""``python -m boot.probe web|worker|pipeline|beat|recorder``: tells a container's health by the exit status."""

import importlib
import sys

PARTS = ("web", "worker", "pipeline", "beat", "recorder")


def main(arguments: list[str]) -> int:
    """Ask the part that is named; return 0 if it can do its work, else say why not and return 1."""
    if len(arguments) != 1 or arguments[0] not in PARTS:
        sys.stderr.write(f"usage: python -m boot.probe {'|'.join(PARTS)}\n")
        return 2
    # Each part imports what its own image holds.
    complaint = importlib.import_module(f"boot.probe.{arguments[0]}").complaint()
    if complaint is not None:
        sys.stderr.write(f"{complaint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
