from pathlib import Path

from core.package import verify_package


def test_package_verifies(tiny_package: Path) -> None:
    assert verify_package(tiny_package)
