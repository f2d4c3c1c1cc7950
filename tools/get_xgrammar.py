#!/usr/bin/env python3
"""Fetches the source package of xgrammar with pip and unpacks what a build needs of it: get_xgrammar.py FOLDER [SDIST].

pip takes it from the index it is configured for and compares its SHA-256; SDIST is a copy that is already there. FOLDER
then holds cpp, include, the headers of picojson and dlpack, and the licences; it appears whole or not at all. Nothing
of it belongs into this repository. Exit code 1, and one line that says why: there is no pip, no network, another file.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

VERSION = "0.2.9"
SHA256 = "87b466bca2475e29bb0323abc62c6c33cbcbcff47e5fb800a3e2099ac9620b90"
NAME = f"xgrammar-{VERSION}"
WANTED = ("cpp/", "include/", "3rdparty/picojson/picojson.h", "3rdparty/dlpack/include/", "3rdparty/dlpack/LICENSE",
          "LICENSE", "NOTICE")

# `pip download` asks the build backend of a source package for its metadata, and would build that backend (CMake among
# it) before. This one stands in its place and knows them.
BACKEND = f'''import os


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    name = "{NAME}.dist-info"
    os.mkdir(os.path.join(folder, name))
    with open(os.path.join(folder, name, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: xgrammar\\nVersion: {VERSION}\\n")
    return name
'''


def download(scratch):
    """The package, fetched into a folder that is thrown away."""
    backend = scratch / "backend" / "scikit_build_core"
    backend.mkdir(parents=True)
    (backend / "__init__.py").write_text("")
    (backend / "build.py").write_text(BACKEND)
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"xgrammar=={VERSION} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "xgrammar"]
    command += ["--no-build-isolation", "--require-hashes", "--retries", "1", "--timeout", "15"]
    command += ["-r", str(wanted), "-d", str(scratch)]
    environment = dict(os.environ, PYTHONPATH=str(backend.parent), PIP_DISABLE_PIP_VERSION_CHECK="1")
    try:
        pip = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        sys.exit("pip took longer than two minutes")
    if pip.returncode:
        lines = pip.stderr.strip().splitlines() or ["pip failed"]
        sys.exit(lines[-1])
    return scratch / f"{NAME}.tar.gz"


def unpack(package, folder):
    if hashlib.sha256(package.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{package} is not the source package of xgrammar {VERSION}: its SHA-256 is another")
    whole = folder.with_name(folder.name + ".part")
    shutil.rmtree(whole, ignore_errors=True)
    with tarfile.open(package) as archive:
        for member in archive.getmembers():
            inside = member.name.removeprefix(NAME + "/")
            if not member.isfile() or not inside.startswith(WANTED) or ".." in inside.split("/"):
                continue
            target = whole / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.extractfile(member).read())
    shutil.rmtree(folder, ignore_errors=True)
    whole.rename(folder)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        package = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else download(pathlib.Path(scratch))
        try:
            unpack(package, folder)
        except (OSError, tarfile.TarError) as error:
            sys.exit(f"{package}: {error}")


if __name__ == "__main__":
    main()
