"""A real server that speaks S3's protocol, in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx

from tests.e2e.processes import free_port, running, wait_until

BUCKET = "versions"
KEYS = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class S3:
    """A server with one bucket."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """Return a client of it."""
        names = {"aws_access_key_id": "me", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.url, **names)

    def keys(self) -> list[str]:
        """Return the keys of all objects."""
        return [entry["Key"] for entry in self.client().list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def read(self, key: str) -> bytes:
        """Return an object."""
        return bytes(self.client().get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def write(self, key: str, content: bytes) -> None:
        """Put an object."""
        self.client().put_object(Bucket=BUCKET, Key=key, Body=content)

    def empty(self) -> None:
        """Remove all objects."""
        for key in self.keys():
            self.client().delete_object(Bucket=BUCKET, Key=key)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the server, which keeps its objects in memory."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with running(*command, log=self.folder / "s3.log") as process:
            wait_until(self._answers, what="the S3 server answers")
            self.client().create_bucket(Bucket=BUCKET)
            yield process

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=5).is_success
        except httpx.TransportError:
            return False


def create_s3(folder: Path) -> S3:
    """Return a server on a free port; nothing runs yet."""
    return S3(port=free_port(), folder=folder)
