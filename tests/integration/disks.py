"""Disks that can really fail; a test that wants one imports its fixture."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """A file system of its own, mounted at a folder."""

    folder: Path

    @property
    def filler(self) -> Path:
        """The file that takes whatever space is left."""
        return self.folder / "filler"

    def fill(self) -> None:
        """Leave not one page of free space."""
        with self.filler.open("ab", buffering=0) as file:
            for size in (65_536, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Give the space back."""
        self.filler.unlink()

    def remount(self, *options: str) -> None:
        """Mount it with other options while it is in use."""
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), self.folder], check=True)


def _mount(folder: Path, *arguments: str) -> None:
    folder.mkdir()
    found = subprocess.run(["mount", *arguments, folder], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"NO DISK TO BREAK: mount is not allowed here: {found.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """Give a file system in memory that is full after four megabytes."""
    folder = tmp_path / "small"
    _mount(folder, "-t", "tmpfs", "-o", "size=4m", "none")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def weak_disk(tmp_path: Path) -> Iterator[Disk]:
    """Give an ext4 of its own in a file, which the kernel can be made to give up."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("NO DISK TO BREAK: there is no mkfs.ext4")
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(8 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    folder = tmp_path / "weak"
    _mount(folder, "-o", "loop", str(image))
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)
