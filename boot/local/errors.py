"""What can keep the launcher from starting the system."""

from core.utilities.errors import TripcastError


class LaunchError(TripcastError):
    """Raised when the system cannot be started; the message says in one line what to do."""
