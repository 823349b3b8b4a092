from __future__ import annotations

from pathlib import Path

from service.wire.connection_counts import ConnectionCounts


def test_the_file_has_its_place_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "connections"
    first, second = (ConnectionCounts(path, workers=2, index=index) for index in range(2))
    assert path.stat().st_blocks > 0
    second.show(3)
    assert first.fewest_elsewhere() == 3


def test_a_worker_without_the_file_knows_of_no_other(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    alone = ConnectionCounts(tmp_path / "file" / "connections", workers=2, index=0)
    alone.show(3)
    assert alone.fewest_elsewhere() is None
