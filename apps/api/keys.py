"""The key of those who change versions and routes."""

import hmac
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader

from apps.api.dependencies import SettingsDep
from apps.api.errors import WrongKeyError

_HEADER = APIKeyHeader(
    name="X-API-Key", scheme_name="AdminKey", description="The value of `ADMIN_API_KEY`.", auto_error=False
)


async def require_admin_key(settings: SettingsDep, given: Annotated[str | None, Security(_HEADER)]) -> None:
    """Let whoever has the key pass.

    Raises
    ------
    WrongKeyError
        If it is missing or another one; which of both, and how much of it is right, is not told, nor shows in the time.
    """
    wanted = settings.admin_api_key.get_secret_value().encode()
    # Starlette reads headers as Latin-1.
    if not wanted or not hmac.compare_digest((given or "").encode("latin-1"), wanted):
        raise WrongKeyError("this needs the right X-API-Key")


ADMIN_ONLY = [Depends(require_admin_key)]
