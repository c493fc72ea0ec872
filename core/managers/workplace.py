"""Where a run of the pipeline reads and writes."""

from dataclasses import dataclass
from pathlib import Path

from core.managers.artifact_store import ArtifactStore
from core.managers.downloads import TLC_URL
from core.managers.raw_files import Progress


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """The folders of the pipeline, and the server of its data.

    Parameters
    ----------
    data_dir : Path
        ``repo/data``.
    models_dir : Path
        ``repo/models``.
    url : str
        Folder on a server that has the TLC's files.
    progress : callable, optional
        Told how far a download is.
    allowed_classes : tuple of str
        A team's own classes that a model may be made of, ``module.Class`` each.
    tracking_db : Path, optional
        SQLite file of the experiment tracking; without it nothing is tracked.
    store : ArtifactStore, optional
        Storage that versions are copied to when they are registered.
    """

    data_dir: Path
    models_dir: Path
    url: str = TLC_URL
    progress: Progress | None = None
    allowed_classes: tuple[str, ...] = ()
    tracking_db: Path | None = None
    store: ArtifactStore | None = None

    @property
    def raw_dir(self) -> Path:
        """The raw store."""
        return self.data_dir / "raw"

    @property
    def steps_dir(self) -> Path:
        """Checkpoints of steps."""
        return self.data_dir / "steps"
