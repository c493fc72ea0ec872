"""The settings of a command."""

from pathlib import Path

from config import BROKER_DIR, Settings, load_settings
from core.managers.local_system import find_system

_NAME_A_BROKER = {"celery_broker_url", "celery_result_backend", "redis_host", "redis_port"}


def command_settings(directory: Path = BROKER_DIR) -> Settings:
    """Read the settings as every process does; where they name no broker, take that of the `make run` of this folder.

    Parameters
    ----------
    directory : Path
        Where a running system notes itself.

    Raises
    ------
    SettingsError
        If a value is wrong.
    """
    settings = load_settings()
    if settings.model_fields_set & _NAME_A_BROKER:
        return settings
    system = find_system(directory)
    if system is None or Path(system.models_dir) != settings.models_dir.resolve():
        return settings
    return load_settings(celery_broker_url=system.broker_url, celery_result_backend=system.result_backend_url)
