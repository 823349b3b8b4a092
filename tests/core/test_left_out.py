from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.durable import new_folder
from core.errors import CorruptPackage, DiskFull
from core.left_out import LeftOut
from core.package import LEFT_OUT, read_left_out, write_left_out
from tests.small_volume import fill, small_volume


def left_out(rows: int = 4) -> LeftOut:
    return LeftOut(
        weight=np.eye(3, 2, dtype=np.float32),
        bias=np.zeros(3, dtype=np.float32),
        features=np.ones((rows, 5)),
        group=np.arange(4),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_left_out(tmp_path, left_out())
    found = read_left_out(tmp_path)
    assert found is not None
    assert found.weight.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert found.group.tolist() == [0, 1, 2, 3]
    assert found.features_of(np.ones((2, 2), dtype=np.float32)).shape == (2, 5)


def test_a_package_of_an_earlier_release_has_none(tmp_path: Path) -> None:
    write_left_out(tmp_path, None)
    assert read_left_out(tmp_path) is None


@pytest.mark.parametrize("damage", ["bytes", "shapes"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    if damage == "bytes":
        (tmp_path / LEFT_OUT).write_bytes(b"PK")
    else:
        write_left_out(tmp_path, left_out(rows=3))
    with pytest.raises(CorruptPackage):
        read_left_out(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_leaves_no_package_with_half_of_it(tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume", size="1m") as volume:
        fill(volume)
        with pytest.raises(DiskFull, match="No space is left"), new_folder(volume / "package") as folder:
            write_left_out(folder, left_out())
        assert [path.name for path in volume.iterdir()] == ["filler"]
