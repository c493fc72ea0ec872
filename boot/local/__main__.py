"""``python -m boot.local``: the whole system on this machine."""

import sys

from boot.local.console import Console
from boot.local.errors import LaunchError
from boot.local.launch import launch
from config import load_settings
from core.utilities.errors import SettingsError


def main() -> int:
    """Run until stopped; return the exit status."""
    try:
        launch(load_settings(), console=Console(stream=sys.stdout))
    except (LaunchError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:  # Ctrl-C before anything was started.
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
