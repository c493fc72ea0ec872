"""What batches take, apart from their rows and by row: the straight line through the last ones."""


class CostSamples:
    """Sums over batches, older ones ever less.

    ``rows`` and ``seconds`` are the sums; nothing is known while they are 0.
    """

    def __init__(self) -> None:
        self.rows = 0.0
        self.seconds = 0.0
        self._weight = 0.0
        self._rows_squared = 0.0
        self._product = 0.0

    def add(self, rows: int, seconds: float, *, keep: float) -> None:
        """Add a batch, and keep so large a share of what those before it count."""
        self._weight = keep * self._weight + 1
        self.rows = keep * self.rows + rows
        self.seconds = keep * self.seconds + seconds
        self._rows_squared = keep * self._rows_squared + rows * rows
        self._product = keep * self._product + rows * seconds

    @property
    def batch_s(self) -> float:
        """What a batch took on average."""
        return self.seconds / self._weight if self._weight else 0.0

    @property
    def row_s(self) -> float:
        """What a row took on average, its share of its batch's call included."""
        return self.seconds / self.rows

    @property
    def call_s(self) -> float:
        """What a batch would take without rows: where the least-squares line meets the axis, 0 if all are of one size."""
        if not self._weight:
            return 0.0
        rows, seconds = self.rows / self._weight, self.seconds / self._weight
        spread = self._rows_squared / self._weight - rows * rows
        if spread <= 1e-9 * rows * rows:
            return 0.0
        slope = (self._product / self._weight - rows * seconds) / spread
        return min(seconds, max(0.0, seconds - slope * rows))
