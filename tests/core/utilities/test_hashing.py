from pathlib import Path

from core.utilities.hashing import sha256_of, sha256_of_file

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_hash_is_sha_256() -> None:
    assert sha256_of(b"abc") == ABC  # the example of FIPS 180-2


def test_a_file_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "file") == ABC
