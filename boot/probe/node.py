"""Whether a process of Celery answers a ping through its broker: a pipeline worker, or beat."""

from celery import Celery
from kombu.exceptions import OperationalError

from config import load_settings
from core.utilities.errors import SettingsError

TIMEOUT_S = 3.0


def complaint_of(node: str) -> str | None:
    """Return why a node of the pipeline's broker does not answer, None if it does."""
    try:
        with Celery(broker=load_settings().pipeline_url, set_as_current=False) as celery:
            celery.conf.broker_connection_retry = False
            replies = celery.control.ping(destination=[node], timeout=TIMEOUT_S, limit=1)
    except SettingsError as error:
        return str(error)
    except (OperationalError, OSError) as error:
        return f"broker: {type(error).__name__}"
    return None if any(node in reply for reply in replies) else f"{node} does not answer"
