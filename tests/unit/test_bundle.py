"""Bundles: the files that `pack` writes, and the refusal of all others by `unpack`."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.bundle import files, image, paths, placing, wheels
from labkit.bundle.manifest import architecture
from labkit.bundle.packing import Parts
from labkit.bundle.sealed import BadBundle, opened, verify_seal
from labkit.bundle.unpacking import Bundle
from labkit.commands import pack, unpack
from labkit.model.errors import MachineError, UsageError
from labkit.options import parser
from labkit.options.pack import DEFAULT, PYTHONS, SYSTEMS, TARGETS
from labkit.setup import packed
from labkit.system.checkout import ROOT
from labkit.system.locks import try_lock
from tests.bundles import changed, make_bundle, make_checkout, put, rewritten, save_image, tagged

LAYER = "image/{}.tar.xz"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    """A complete bundle that a test may spoil."""
    return Path(shutil.copy(whole, tmp_path / "lab.pyz"))


def run(bundle: Path, folder: Path) -> int:
    return unpack.run(parser().parse_args(["unpack", str(bundle), str(folder), "--runtime", "local"]))


def refused(bundle: Path) -> BadBundle:
    """The error for a bundle that is refused; nothing of it is left."""
    before = set(bundle.parent.iterdir())
    with pytest.raises(BadBundle) as caught:
        run(bundle, bundle.parent / "out" if bundle.parent.exists() else bundle)
    assert caught.value.exit_code == 2
    assert set(bundle.parent.iterdir()) == before
    return caught.value


def tree(root: Path) -> dict[str, tuple[bytes, bool]]:
    found = [each for each in root.rglob("*") if each.is_file() and ".lab" not in each.parts]
    return {each.relative_to(root).as_posix(): (each.read_bytes(), os.access(each, os.X_OK)) for each in found}


def test_a_bundle_gives_the_checkout_and_the_wheels_back(bundle, whole, capsys):
    out = bundle.parent / "out"
    assert run(bundle, out) == 0
    assert tree(out) == tree(whole.parent / "packed")
    folder = packed.folder(out / ".lab", files.lock_of(out))
    assert packed.options(out / ".lab", files.lock_of(out)) == ["--no-index", "--find-links", str(folder)]
    assert sorted(each.name for each in folder.iterdir()) == [
        "first-1.0-py3-none-any.whl",
        "second-1.0-py3-none-any.whl",
    ]
    assert sorted(each.name for each in bundle.parent.iterdir()) == ["lab.pyz", "out"]
    printed = capsys.readouterr()
    assert printed.out.endswith("lab.py compare`\n")
    assert printed.err == ""  # it is no terminal


def test_a_checkout_of_the_same_version_gets_the_wheels_and_keeps_its_files(bundle):
    out = make_checkout(bundle.parent / "out")
    (out / "README.md").write_text("mine")
    assert run(bundle, out) == 0
    assert run(bundle, out) == 0
    assert (out / "README.md").read_text() == "mine"
    assert [each.name for each in (out / ".lab").iterdir()] == ["wheels"]


def test_unpack_removes_only_the_remains_of_a_killed_unpack(bundle):
    dead, busy, foreign = (bundle.parent / f".out-{name}" for name in ("dead", "busy", "foreign"))
    for folder in (dead, busy, foreign):
        (folder / "checkout").mkdir(parents=True)
    for folder in (dead, busy):
        (folder / placing.LOCK).touch()
    with (busy / placing.LOCK).open("r+") as file:
        assert try_lock(file.fileno())
        assert run(bundle, bundle.parent / "out") == 0
    assert sorted(each.name for each in bundle.parent.iterdir()) == [".out-busy", ".out-foreign", "lab.pyz", "out"]


@pytest.mark.parametrize("name", ["requirements/lab.txt", "clients/sync.py", "clients/mine.py"])
def test_another_checkout_is_left_alone(bundle, name):
    out = make_checkout(bundle.parent / "out")
    (out / name).write_text("another")
    with pytest.raises(UsageError, match="exists and is not the checkout in"):
        run(bundle, out)
    assert not (out / ".lab").exists()


def test_unpack_refuses_to_update_this_checkout_to_another_version(bundle):
    with pytest.raises(UsageError, match="this checkout has another version") as caught:
        unpack.run(parser().parse_args(["unpack", str(bundle), "--runtime", "local"]))
    assert "FOLDER" in caught.value.hint


def test_the_manifest_names_all_that_is_in_the_bundle(whole):
    with opened(whole) as file:
        manifest = json.loads(file.read("manifest.json"))
    assert (manifest["format"], manifest["architecture"]) == (2, architecture())
    assert manifest["lab"] == {"version": "1.2.3", "commit": "abc"}
    assert manifest["base"] == {"name": "python:3.14-slim", "id": None}
    assert manifest["packages"] == {"idna": "3.10"}
    layers = [layer["member"] for layer in manifest["images"][0]["layers"]]
    assert (len(layers), len(set(layers))) == (3, 2)  # a layer that is there twice is packed once
    assert [layer["member"] for layer in manifest["images"][1]["layers"]] == layers[:2]  # so is one of two images


def stage_all(bundle: Bundle, tar: Path, wanted: Iterable[int] = (0, 1)) -> None:
    """Write these images, with their numbers as names."""
    tags = [each.tag for each in bundle.manifest.images]
    bundle.extract_images(tar, {tags[number]: [f"concurrency-lab:{number}"] for number in wanted}, lambda _: None)


@pytest.mark.parametrize("wanted", [(0, 1), (0,), (1,)])
def test_the_engine_gets_only_the_images_that_it_lacks_under_the_labs_names(whole, tmp_path, wanted):
    with opened(whole) as file:
        stage_all(Bundle.read(whole, file), tmp_path / "image.tar", wanted)
    with tarfile.open(tmp_path / "image.tar") as tar:
        entries = json.loads(tar.extractfile("manifest.json").read())
    assert [entry["RepoTags"] for entry in entries] == [[f"concurrency-lab:{number}"] for number in wanted]
    with image.read_saved(tmp_path / "image.tar") as staged, image.read_saved(whole.parent / "image.tar") as first:
        packed = list(first.values())
        for number, again in staged.items():
            original = packed[int(number)]
            assert (again.id, again.layers) == (original.id, original.layers)
            for digest in set(original.layers):
                with again.layer(digest) as one, original.layer(digest) as other:
                    assert one.read() == other.read()


# Files that `pack` did not write.


@given(st.data())
def test_any_flipped_byte_is_refused(whole, data):
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    flipped = whole.parent / "flipped.pyz"
    flipped.write_bytes(content)
    refused(flipped)


@given(st.data())
def test_a_bundle_cut_off_anywhere_is_refused(whole, data):
    content = whole.read_bytes()
    cut = whole.parent / "cut.pyz"
    cut.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    assert "cut off" in refused(cut).message or "not a bundle" in refused(cut).message


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"PK\x03\x04" + b"0" * 200, bytes(range(256)) * 2])
def test_a_file_that_is_no_bundle_is_refused(bundle, content):
    bundle.write_bytes(content)
    refused(bundle)


def test_a_bundle_with_bytes_after_its_end_is_refused(bundle):
    with bundle.open("ab") as file:
        file.write(b"more")
    refused(bundle)


def test_another_zip_is_refused(bundle):
    with zipfile.ZipFile(bundle, "w") as file:
        file.writestr("__main__.py", "print('evil')")
    assert "not a bundle" in refused(bundle).message


def test_another_zip_is_refused_even_with_a_seal(bundle):
    rewritten(bundle, [(zipfile.ZipInfo("__main__.py"), b"print('evil')")])
    assert "no manifest" in refused(bundle).message


# Bundles that an attacker has made and sealed.

OUTSIDE = [
    *("../evil", "/evil", "checkout/../../evil", "checkout//evil", "checkout/./lab.py", "checkout/labkit/../../evil"),
    *("C:\\evil", "checkout\\evil", "checkout/labkit/a:b", "checkout/labkit/evil.", "checkout/labkit/evil "),
    *(
        "checkout/labkit/nul",
        "checkout/labkit/COM1.py",
        "checkout/.git/hooks/post-checkout",
        "checkout/.venv/bin/python",
    ),
    *(
        "checkout/.lab/wheels/x.whl",
        "checkout/evil.py",
        "wheels/../evil",
        "wheels/a/b.whl",
        "image/../x",
        "evil",
        "checkout/",
    ),
    *(
        "checkout/labkit/\x00",
        "checkout/labkit/\n",
        "checkout/labkit/..",
        "checkout/labkit/...",
        "checkout/labkit/" + "a" * 300,
    ),
    *("checkout/labkit/\u202egnp.py", "manifest.json/x", "labkit/cli.py"),
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_with_a_dangerous_name_is_refused(bundle, name):
    changed(bundle, lambda members, manifest: put(members, manifest, name, b"evil"))
    assert "name" in refused(bundle).message


@given(st.text(max_size=30), st.sampled_from(["", "checkout/", "checkout/labkit/", "wheels/", "image/"]))
def test_an_accepted_name_stays_in_its_folder(text, prefix):
    name = prefix + text
    if name not in {paths.MAIN, paths.MANIFEST} and paths.is_allowed(name):
        place = os.path.normpath(f"/top/{name}")
        assert place == f"/top/{name}"
        assert name.isascii()
        assert not set(name) & set('\\:*?"<>|')


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_member_that_is_not_a_plain_file_is_refused(bundle, kind):
    with zipfile.ZipFile(bundle) as file:
        members = [(info, file.read(info)) for info in file.infolist()]
    for info, _ in members:
        if info.filename == "checkout/lab.py":
            info.external_attr = (kind | 0o777) << 16
    assert "not a regular file" in refused(rewritten(bundle, members)).message


@pytest.mark.parametrize("name", ["checkout/lab.py", "CHECKOUT/LAB.PY", "checkout/LAB.py"])
def test_a_duplicate_member_is_refused(bundle, name):
    with zipfile.ZipFile(bundle) as file:
        members = [(info, file.read(info)) for info in file.infolist()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that is what is tried
        rewritten(bundle, [*members, (zipfile.ZipInfo(name), b"evil")])
    assert "twice" in refused(bundle).message or "name" in refused(bundle).message


def missing(members, _):
    del members["checkout/lab.py"]


def missing_from_both(members, manifest):
    del members[manifest["wheels"][0]["members"][0]], manifest["members"][manifest["wheels"][0]["members"][0]]


def extra(members, _):
    members["checkout/labkit/evil.py"] = b"evil"


def another_digest(_, manifest):
    manifest["members"]["checkout/lab.py"]["sha256"] = "0" * 64


def another_size(_, manifest):
    manifest["members"]["checkout/lab.py"]["bytes"] += 1


def another_content(members, _):
    members["checkout/lab.py"] = members["checkout/lab.py"].upper()


def another_wheel(members, manifest):
    name = manifest["wheels"][0]["members"][0]
    members[name] = members[name].upper()


def no_manifest(members, _):
    del members["manifest.json"]


def manifest_of_a_list(members, _):
    members["manifest.json"] = b"[]"


def manifest_that_is_no_json(members, _):
    members["manifest.json"] = b"\xff{"


def deep_manifest(members, _):
    members["manifest.json"] = b"[" * 100_000


def another_kind(_, manifest):
    manifest["kind"] = "something"


def newer(_, manifest):
    manifest["format"] = 3


def older(_, manifest):
    manifest["format"] = 1


def another_architecture(_, manifest):
    manifest["architecture"] = "s390x"


def another_tag(_, manifest):
    manifest["images"][0]["tag"] = "latest evil:latest"


def an_image_less(_, manifest):
    del manifest["images"][1]


def another_order(_, manifest):
    manifest["images"].reverse()


def a_digest_that_is_a_path(_, manifest):
    manifest["images"][0]["layers"][0]["sha256"] = "../../evil"


def a_lock_that_is_a_path(_, manifest):
    manifest["lock"] = "../../evil"


def a_huge_size(_, manifest):
    manifest["images"][0]["layers"][0]["bytes"] = 1 << 50


def a_size_below_nothing(_, manifest):
    manifest["members"]["checkout/lab.py"]["bytes"] = -1


def a_member_for_something_else(_, manifest):
    manifest["images"][0]["layers"][0]["member"] = "checkout/lab.py"


def a_wheel_that_is_none(_, manifest):
    manifest["wheels"][0]["members"] = ["checkout/lab.py"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (missing, "checkout/lab.py is missing"),
        (missing_from_both, "does not list its member"),
        (extra, "does not list its member checkout/labkit/evil.py"),
        (another_digest, "SHA-256"),
        (another_size, "bytes instead of"),
        (another_content, "SHA-256"),
        (another_wheel, "SHA-256"),
        (no_manifest, "no manifest"),
        (manifest_of_a_list, "cannot be read"),
        (manifest_that_is_no_json, "cannot be read"),
        (deep_manifest, "cannot be read"),
        (another_kind, "of the kind 'something'"),
        (newer, "it has format 3, and this lab knows format 2"),
        (older, "it has format 1, and this lab knows format 2"),
        (another_architecture, r"for the architecture s390x, and this machine has \w+"),
        (another_tag, "does not name the lab's two images"),
        (an_image_less, "does not name the lab's two images"),
        (another_order, "does not name the lab's two images"),
        (a_digest_that_is_a_path, "invalid SHA-256"),
        (a_lock_that_is_a_path, "invalid SHA-256"),
        (a_huge_size, "impossible sizes"),
        (a_size_below_nothing, "impossible sizes"),
        (a_member_for_something_else, "member of another kind"),
        (a_wheel_that_is_none, "member of another kind"),
    ],
)
def test_a_bundle_that_differs_from_its_manifest_is_refused(bundle, change, message):
    changed(bundle, change)
    with pytest.raises(BadBundle, match=message):
        run(bundle, bundle.parent / "out")
    refused(bundle)


def another_layer(members, manifest):
    one, other = (layer["member"] for layer in manifest["images"][0]["layers"][:2])
    put(members, manifest, one, members[other])


def a_layer_that_is_not_packed(members, manifest):
    put(members, manifest, manifest["images"][0]["layers"][0]["member"], b"evil")


def lengthened(manifest, by: int):
    """The first layer, in both images."""
    for each in manifest["images"]:
        each["layers"][0]["bytes"] += by


def a_longer_layer(_, manifest):
    lengthened(manifest, 512)


def a_shorter_layer(_, manifest):
    lengthened(manifest, -512)


def a_layer_in_two_ways(_, manifest):
    manifest["images"][0]["layers"][0]["bytes"] += 512


def fewer_layers(_, manifest):
    del manifest["images"][0]["layers"][0]


def another_image(_, manifest):
    manifest["images"][0]["id"] = "0" * 64


def another_configuration(members, manifest):
    put(members, manifest, manifest["images"][0]["config"], b"{}")


@pytest.mark.parametrize(
    "change",
    [
        *(another_layer, a_layer_that_is_not_packed, a_longer_layer, a_shorter_layer, fewer_layers, another_image),
        another_configuration,
    ],
)
def test_an_image_that_differs_from_the_manifest_is_refused(bundle, change, tmp_path):
    changed(bundle, change)
    with pytest.raises(BadBundle), opened(bundle) as file:
        stage_all(Bundle.read(bundle, file), tmp_path / "image.tar")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no file"):
        run(tmp_path / "none.pyz", tmp_path / "out")


def test_a_bundle_without_packages_for_this_python_names_the_pythons_it_serves(tmp_path):
    made = make_bundle(tmp_path, python="cpython 3.9")
    with pytest.raises(MachineError, match="has no packages for") as caught:
        run(made, tmp_path / "out")
    assert "cpython 3.9" in caught.value.hint
    assert not (tmp_path / "out").exists()


# Packing.


def test_every_file_of_the_repository_is_packed():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("git knows no files here")
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert tracked - set(files.files_of(ROOT)) == set()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_full_disk_leaves_only_the_older_bundle(bundle, whole):
    import resource  # noqa: PLC0415

    older = bundle.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with image.read_saved(whole.parent / "image.tar") as saved:
        parts = Parts(whole.parent / "packed", tagged(saved, whole.parent / "packed"), whole.parent / "wheels")
        manifest = parts.describe(None, {}, ())
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            with pytest.raises(MachineError, match="the bundle cannot be written"):
                parts.write(bundle, manifest, lambda _: None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(bundle.parent.iterdir()) == [bundle]
    assert bundle.read_bytes() == older


def test_an_interruption_leaves_only_the_older_bundle(bundle, whole):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    older = bundle.read_bytes()
    with image.read_saved(whole.parent / "image.tar") as saved:
        parts = Parts(whole.parent / "packed", tagged(saved, whole.parent / "packed"), whole.parent / "wheels")
        with pytest.raises(KeyboardInterrupt):
            parts.write(bundle, parts.describe(None, {}, ()), interrupt)
    assert list(bundle.parent.iterdir()) == [bundle]
    assert bundle.read_bytes() == older


def test_pack_announces_how_many_bytes_it_writes(whole, tmp_path):
    written = []
    with image.read_saved(whole.parent / "image.tar") as saved:
        parts = Parts(whole.parent / "packed", tagged(saved, whole.parent / "packed"), whole.parent / "wheels")
        parts.write(tmp_path / "lab.pyz", parts.describe(None, {}, ()), written.append)
        assert sum(written) == parts.size()


@pytest.mark.parametrize("name", ["README.md", ".", "no/such/folder/lab.pyz"])
def test_pack_overwrites_only_a_bundle(tmp_path, name, monkeypatch):
    (tmp_path / "README.md").write_text("mine")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        pack.run(parser().parse_args(["pack", name]))
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_image_with_compressed_layers_is_read(tmp_path):
    import gzip  # noqa: PLC0415

    save_image(tmp_path / "plain.tar")
    with tarfile.open(tmp_path / "plain.tar") as plain, tarfile.open(tmp_path / "packed.tar", "w") as other:
        for member in plain:
            if member.issym():
                other.addfile(member)
                continue
            content = plain.extractfile(member).read()
            image.add_bytes(other, member.name, gzip.compress(content) if "layer" in member.name else content)
    with image.read_saved(tmp_path / "packed.tar") as saved:
        assert saved["whole"].packages() == {"idna": "3.10"}


@pytest.mark.parametrize("name", TARGETS[1:])
def test_the_lock_for_a_target_has_the_packages_of_that_system(name):
    (target,) = wheels.targets([name])
    text = wheels.lock_for((ROOT / files.LOCK).read_text("utf-8"), target)
    assert " ; " not in text
    assert "requests==" in text
    assert ("pywin32==" in text) == (target.system == "windows")
    assert text.count("--hash") > 100


def test_every_target_of_the_command_line_has_wheels():
    assert {(each.system, each.python) for each in wheels.targets(TARGETS[1:])} == {
        (system, python) for system in SYSTEMS for python in PYTHONS
    }
    assert set(DEFAULT) <= set(TARGETS)
    here = wheels.targets(["here"])
    assert wheels.targets(["here", here[0].name]) == here


def test_a_bundle_started_with_an_old_python_names_the_python_it_needs(whole):
    from tests.unit.test_bootstrap import old_pythons  # noqa: PLC0415

    for python in old_pythons():
        done = subprocess.run([python, whole], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("lab.pyz: the lab needs Python 3.11 or newer, and this is Python ")


def test_unpacking_needs_only_the_standard_library():
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import labkit.cli, labkit.commands.unpack"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)  # -S: no packages


def test_a_seal_is_read_to_its_end(whole):
    read = []
    verify_seal(whole, read.append)
    assert sum(read) == whole.stat().st_size


def test_a_folder_that_appears_during_unpacking_is_left_alone(tmp_path: Path) -> None:
    staged, target = tmp_path / "staged", tmp_path / "concurrency-lab"
    staged.mkdir()
    (target / "results").mkdir(parents=True)
    with pytest.raises(UsageError, match="left alone"):
        placing.move(staged, target)
    assert (target / "results").is_dir()
    placing.replace(staged, target)  # what an earlier `unpack` put there
    assert list(target.iterdir()) == []
