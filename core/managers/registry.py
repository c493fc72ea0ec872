"""The registry: every version with its state, who brought it there, when and why.

A version never changes: what the registry holds of it but its state is what it was when it was registered, its
artifact's SHA-256 first of all. The files lie in ``MODELS_DIR``; this is what is known about them.
"""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.managers.artifact_store import ArtifactStore
from core.managers.version_files import (
    FETCHED,
    check_version,
    read_route,
    stored_models,
    stored_versions,
    version_folder,
)
from core.managers.version_tables import RouteChangeRow, VersionEventRow, VersionRow
from core.schemas.manifest import Manifest
from core.schemas.route import Route
from core.schemas.version import (
    VersionChange,
    VersionDetails,
    VersionEvent,
    VersionRecord,
    VersionState,
)
from core.utilities.errors import ArtifactError, ArtifactIntegrityError, UnknownVersionError, VersionStateError

ADOPTED_BY, ADOPTED_WHY = "shipped", "it lay there before the registry knew it"
FETCHED_BY, FETCHED_WHY = "storage", "it was fetched before the registry knew it"


class Registry:
    """The versions in a database, and their files.

    A version that lies in ``models_dir`` and that the table does not know, because it was shipped with the project or
    stored by hand, is adopted as approved when it is first seen; one whose artifact is not the manifest's is not. One that
    a worker fetched from the storage is adopted as a candidate: where it comes from, another registry may have retired it.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        As :func:`core.managers.database.open_database` gives it.
    models_dir : Path
        ``repo/models``.
    store : ArtifactStore, optional
        Storage that a version is copied to when it is registered.
    """

    def __init__(self, engine: Engine, models_dir: Path, *, store: ArtifactStore | None = None) -> None:
        self._engine = engine
        self._models_dir = models_dir
        self._store = store

    @property
    def engine(self) -> Engine:
        """The database."""
        return self._engine

    def register(self, model: str, version: str, *, who: str, why: str) -> VersionRecord:
        """Enter a version that lies in ``models_dir`` as a candidate, and return it; again, it is left as it is.

        Where there is a storage, a copy is there afterwards.

        Raises
        ------
        UnknownVersionError
            If no such version lies there.
        ArtifactError, ArtifactIntegrityError
            If it is not whole.
        VersionStateError
            If the table knows a version of that id with another artifact.
        ArtifactStoreError
            If the copy cannot be made; the version is registered.
        """
        folder = self._folder(model, version)
        manifest, size = check_version(folder, model=model)
        record = self.enter(manifest, size_bytes=size, who=who, why=why)
        if self._store is not None:
            self._store.push(folder, model, version)
        return record

    def enter(self, manifest: Manifest, *, size_bytes: int, who: str, why: str) -> VersionRecord:
        """Enter a version as a candidate before its files are in place, so that nobody takes it for a shipped one.

        Raises
        ------
        VersionStateError
            If the table knows a version of that id with another artifact.
        """
        return self._enter(manifest, size_bytes, VersionState.CANDIDATE, VersionEvent.REGISTER, who=who, why=why)

    def versions(self, model: str | None = None) -> list[VersionRecord]:
        """Return the versions of a model, or of all, the last registered first."""
        self._adopt(model)
        query = select(VersionRow).order_by(VersionRow.model, VersionRow.registered_at.desc(), VersionRow.version)
        with Session(self._engine) as session, session.begin():
            rows = session.scalars(query if model is None else query.where(VersionRow.model == model))
            return [_read(row) for row in rows]

    def get(self, model: str, version: str) -> VersionRecord:
        """Return a version.

        Raises
        ------
        UnknownVersionError
            If there is none of that id.
        ArtifactError, ArtifactIntegrityError
            If the table does not know it, and what lies there cannot be adopted.
        """
        return self.details(model, version).record

    def events(self, model: str, version: str) -> list[VersionChange]:
        """Return what happened to a version, the first thing first; raises as :meth:`get`."""
        return self.details(model, version).events

    def details(self, model: str, version: str) -> VersionDetails:
        """Return a version with its history and its manifest; raises as :meth:`get`."""
        self._know(model, version)
        with Session(self._engine) as session, session.begin():
            row = _row(session, model, version)
            events = session.scalars(
                select(VersionEventRow)
                .where(VersionEventRow.model == model, VersionEventRow.version == version)
                .order_by(VersionEventRow.id)
            )
            changes = [VersionChange.model_validate(event) for event in events]
            return VersionDetails(record=_read(row), events=changes, manifest=row.manifest)

    def change(self, model: str, version: str, event: VersionEvent, *, who: str, why: str) -> VersionRecord:
        """Approve, freeze or retire a version, and return it as it is then.

        Raises
        ------
        UnknownVersionError
            If there is none of that id.
        VersionStateError
            If that cannot happen in its state, or a route names the version that is to retire.
        ArtifactError, ArtifactIntegrityError
            If it is to be approved or frozen, and what lies in ``models_dir`` is not what was registered.
        """
        from core.services.version_state import next_state  # noqa: PLC0415 (a change of routes needs no state machine)

        known = self.get(model, version)
        if event is not VersionEvent.RETIRE:
            self._check_files(known)
        with Session(self._engine) as session, session.begin():
            row = _row(session, model, version, lock=True)
            row.state = next_state(VersionState(row.state), event).value
            if event is VersionEvent.RETIRE and version in self._routed(session, model):
                raise VersionStateError(f"version {version} of {model} is on the route; it retires once it is off")
            session.add(_event(model, version, event, who=who, why=why))
            return _read(row)

    def _check_files(self, record: VersionRecord) -> None:
        """Compare the files with what was registered: a manifest that was rewritten with its artifact is noticed too."""
        manifest, _ = check_version(self._folder(record.model, record.version), model=record.model)
        if manifest.sha256 != record.sha256:
            raise ArtifactIntegrityError(
                f"{record.model}/{record.version}: the artifact is not the one that was registered"
            )

    def _routed(self, session: Session, model: str) -> tuple[str, ...]:
        """Return the versions that the route names, by the file and by the history: a change writes one, then the other."""
        query = select(RouteChangeRow.route).where(RouteChangeRow.model == model, RouteChangeRow.revision.is_not(None))
        noted = session.scalar(query.order_by(RouteChangeRow.revision.desc()).limit(1))
        named = () if noted is None else Route.model_validate(noted).versions
        try:
            return (*named, *read_route(self._models_dir, model).versions)
        except ArtifactError:
            return named

    def _folder(self, model: str, version: str) -> Path:
        return version_folder(self._models_dir, model, version)

    def _know(self, model: str, version: str) -> None:
        """Adopt a version if the table does not know it."""
        folder = self._folder(model, version)
        with Session(self._engine) as session, session.begin():
            if session.get(VersionRow, (model, version)) is not None:
                return
        if not folder.is_dir():
            raise UnknownVersionError(f"there is no version {version} of {model}")
        self._adopt_one(folder, model)

    def _adopt(self, model: str | None) -> None:
        """Adopt all versions that the table does not know; what cannot be is left for :meth:`get` to say why."""
        names = [model] if model is not None else stored_models(self._models_dir)
        with Session(self._engine) as session, session.begin():
            known = {(row.model, row.version) for row in session.execute(select(VersionRow.model, VersionRow.version))}
        for name in names:
            for folder in stored_versions(self._models_dir, name):
                if (name, folder.name) not in known:
                    try:
                        self._adopt_one(folder, name)
                    except ArtifactError:
                        continue

    def _adopt_one(self, folder: Path, model: str) -> None:
        manifest, size = check_version(folder, model=model)
        if (folder / FETCHED).exists():
            self._enter(manifest, size, VersionState.CANDIDATE, VersionEvent.REGISTER, who=FETCHED_BY, why=FETCHED_WHY)
            return
        self._enter(manifest, size, VersionState.APPROVED, VersionEvent.APPROVE, who=ADOPTED_BY, why=ADOPTED_WHY)

    def _enter(
        self, manifest: Manifest, size: int, state: VersionState, event: VersionEvent, *, who: str, why: str
    ) -> VersionRecord:
        row = VersionRow(
            model=manifest.name,
            version=manifest.version,
            state=state.value,
            sha256=manifest.sha256,
            size_bytes=size,
            manifest=manifest.model_dump(mode="json", exclude={"golden_rows"}),
            created_at=manifest.created_at,
            registered_at=_now(),
            registered_by=who,
        )
        try:
            with Session(self._engine) as session, session.begin():
                session.add(row)
                session.flush()
                session.add(_event(row.model, row.version, event, who=who, why=why))
                return _read(row)
        except IntegrityError:  # it is known, or another process was first
            return self._known(manifest)

    def _known(self, manifest: Manifest) -> VersionRecord:
        with Session(self._engine) as session, session.begin():
            record = _read(_row(session, manifest.name, manifest.version))
        if record.sha256 != manifest.sha256:
            raise VersionStateError(
                f"version {record.version} of {record.model} is registered with another artifact; versions never change"
            )
        return record


def _row(session: Session, model: str, version: str, *, lock: bool = False) -> VersionRow:
    row = session.get(VersionRow, (model, version), with_for_update=lock)
    if row is None:
        raise UnknownVersionError(f"there is no version {version} of {model}")
    return row


def _event(model: str, version: str, event: VersionEvent, *, who: str, why: str) -> VersionEventRow:
    return VersionEventRow(model=model, version=version, event=event.value, who=who, why=why, at=_now())


def _read(row: VersionRow) -> VersionRecord:
    return VersionRecord.model_validate(row, from_attributes=True)


def _now() -> datetime:
    return datetime.now(UTC)
