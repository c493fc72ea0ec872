"""A storage of versions on S3, or on what speaks its protocol: where they outlive a machine, and reach others.

Objects
-------
``<prefix>/<model>/<version>/<file>`` : the files of a version, the manifest last, so that a version that has one is
    whole. Written once, by who registers the version.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from core.managers.version_files import FETCHED, MANIFEST, check_version, new_folder, version_folder
from core.schemas.manifest import Manifest
from core.utilities.errors import ArtifactStoreError, NotStoredError

CONNECT_TIMEOUT_S = 1.0
PROBE_TIMEOUT_S = 1.5
TRANSFER_TIMEOUT_S = 30.0
TRIES = 2
"""Of each question, so that a storage that is away is noticed within 5 s."""
_ABSENT = ("404", "NoSuchKey", "NotFound")
_THERE_ALREADY = ("PreconditionFailed", "ConditionalRequestConflict")


def open_store(url: str, *, endpoint_url: str = "") -> "ArtifactStore | None":
    """Return the storage that the settings name; None where that is the folder of the models itself."""
    return ArtifactStore(url, endpoint_url=endpoint_url) if url else None


class ArtifactStore:
    """Versions in a bucket. Nothing is connected before the first question.

    Every method raises ArtifactStoreError, in one line, where the storage cannot be used.

    Parameters
    ----------
    url : str
        ``s3://bucket`` or ``s3://bucket/prefix``.
    endpoint_url : str
        Server that is not Amazon's; empty: the standard variables decide, as they do about the keys.
    """

    def __init__(self, url: str, *, endpoint_url: str = "") -> None:
        parts = urlsplit(url)
        self._bucket = parts.netloc
        self._prefix = PurePosixPath(parts.path.strip("/"))
        self._endpoint_url = endpoint_url or None

    def push(self, folder: Path, model: str, version: str) -> None:
        """Copy a version there; one that is there already stays.

        Raises
        ------
        ArtifactError, ArtifactIntegrityError
            If the folder does not hold the version whole.
        ArtifactStoreError
            If another version of that id is there.
        """
        manifest, _ = check_version(folder, model=model)
        with self._reachable():
            if self._is_there(manifest):
                return
            for path in sorted(folder.iterdir()):
                if path.is_file() and path.name not in (MANIFEST, FETCHED):
                    self._files.upload_file(str(path), self._bucket, self._key(model, version, path.name))
            content = (folder / MANIFEST).read_bytes()
            if not self._put_new(self._key(model, version, MANIFEST), content):
                self._is_there(manifest)

    def fetch(self, model: str, version: str, into_models_dir: Path) -> Path:
        """Copy a version from there, and return its folder; one that is here already is only checked.

        It is written to a folder beside the final one, checked against its manifest, marked as fetched, so that no registry
        takes it for a shipped one, and then renamed.

        Raises
        ------
        ArtifactError, ArtifactIntegrityError
            If what came is not whole.
        NotStoredError, UnknownVersionError
            If there is no such version, or could not be one.
        """
        folder = version_folder(into_models_dir, model, version)
        if not folder.is_dir():
            with new_folder(folder.parent) as parent:
                written = parent / version
                written.mkdir()
                with self._reachable():
                    self._download(model, version, written)
                check_version(written, model=model)
                (written / FETCHED).touch()
                try:
                    written.rename(folder)
                except OSError as error:
                    if not folder.is_dir():  # else another process was first
                        raise ArtifactStoreError(f"{model}/{version} cannot be stored ({error.strerror})") from error
        check_version(folder, model=model)
        return folder

    def versions(self, model: str) -> list[str]:
        """Return the ids of the versions of a model that are there, whole, in order."""
        with self._reachable():
            keys = [PurePosixPath(key) for key in self._keys(f"{self._key(model)}/")]
        depth = len(self._prefix.parts) + 3
        return sorted(key.parts[-2] for key in keys if key.name == MANIFEST and len(key.parts) == depth)

    def _is_there(self, manifest: Manifest) -> bool:
        content = self._get(self._key(manifest.name, manifest.version, MANIFEST))
        if content is None:
            return False
        try:
            there = Manifest.model_validate_json(content).sha256
        except ValidationError:
            there = ""
        if there != manifest.sha256:
            raise ArtifactStoreError(
                f"the storage holds another version {manifest.version} of {manifest.name}; versions never change"
            )
        return True

    def _download(self, model: str, version: str, folder: Path) -> None:
        prefix = f"{self._key(model, version)}/"
        names = [key.removeprefix(prefix) for key in self._keys(prefix)]
        if MANIFEST not in names:
            raise NotStoredError(f"the storage holds no version {version} of {model}")
        for name in names:
            if PurePosixPath(name).name == name:  # what lies deeper is no file of the version
                self._files.download_file(self._bucket, prefix + name, str(folder / name))

    def _key(self, *parts: str) -> str:
        return str(self._prefix.joinpath(*parts))

    def _keys(self, prefix: str) -> list[str]:
        pages = self._files.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def _get(self, key: str) -> bytes | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (see _client)

        try:
            return bytes(self._files.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise

    def _put_new(self, key: str, content: bytes) -> bool:
        """Put an object unless there is one; return whether it was put."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 (see _client)

        try:
            self._files.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if _code(error) in _THERE_ALREADY:
                return False
            raise
        return True

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """Ask for the bucket with a short patience first: a transfer may be slow, a storage that is away must not be."""
        from boto3.exceptions import Boto3Error  # noqa: PLC0415 (see _client)
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            self._probe.head_bucket(Bucket=self._bucket)
            yield
        except ClientError as error:
            raise ArtifactStoreError(f"the storage of versions refused ({_code(error)})") from error
        except (BotoCoreError, Boto3Error, OSError) as error:
            raise ArtifactStoreError(f"the storage of versions cannot be used ({type(error).__name__})") from error

    @cached_property
    def _probe(self) -> Any:  # noqa: ANN401 (boto3's clients are made at run time)
        return self._client(PROBE_TIMEOUT_S)

    @cached_property
    def _files(self) -> Any:  # noqa: ANN401
        return self._client(TRANSFER_TIMEOUT_S)

    def _client(self, timeout_s: float) -> Any:  # noqa: ANN401
        # It takes 0.3 s and 30 MiB, and most installations have no storage.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=timeout_s,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            # Servers that are not Amazon's know none of the newer checksums; the manifest has the artifact's SHA-256.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.client("s3", endpoint_url=self._endpoint_url, config=config)


def _code(error: Any) -> str:  # noqa: ANN401 (botocore's error has a response)
    return str(error.response.get("Error", {}).get("Code", "?"))
