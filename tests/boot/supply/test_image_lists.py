from pathlib import Path

import pytest

from boot.supply.image_lists import KINDS, ROOT, packages_of, write_list

LIST = """\
both==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via something
newer==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
older==1.9 ; python_full_version < '3.12' \\
    --hash=sha256:dd
windows==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:ee
extra[more]==3.0.post1 \\
    --hash=sha256:ff
    # via
    #   both
"""


def test_a_list_is_what_the_image_installs(tmp_path: Path) -> None:
    (tmp_path / "web.txt").write_text(LIST)
    found = packages_of("web", folder=tmp_path)
    assert [(package.name, package.version) for package in found] == [
        ("both", "1.0"),
        ("newer", "2.0"),
        ("extra", "3.0.post1"),
    ]
    assert found[0].hashes == ("sha256:aa", "sha256:bb")


def test_no_list_of_an_image_is_left_out() -> None:
    assert sorted(KINDS) == sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_of_a_real_list_is_read(kind: str, tmp_path: Path) -> None:
    lines = (ROOT / "requirements" / f"{kind}.txt").read_text().splitlines()
    entries = [line for line in lines if line[:1].isalnum()]
    plain = [line.split("==")[0].split("[")[0] for line in entries if ";" not in line]
    names = [package.name for package in packages_of(kind)]
    assert set(plain) <= set(names)
    assert len(names) == len(set(names)) <= len(entries)
    assert not {"colorama", "win32-setctime"} & set(names)
    written = write_list(kind, tmp_path).read_text().splitlines()
    assert len(written) == len(names)
    assert all("--hash=sha256:" in line for line in written)
