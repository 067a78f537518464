"""Removes from the image what the program never uses: slim.py packages|base FOLDER. Says what, how much, and why.

tests/ship/test_image.py runs what is left: the proxy, discovery through the Kubernetes API, and the subcommands.
"""

import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from shutil import rmtree

Rules = dict[str, list[str]]  # a reason, and patterns

KUBERNETES: Rules = {
    "typed objects of the API, loaded on demand: ours are plain JSON": ["client/models/[!_]*", "aio/client/models/[!_]*"],
    "typed methods of the API, loaded on demand: we make requests ourselves": ["client/api/[!_]*", "aio/client/api/[!_]*"],
}
PACKAGES: Rules = {
    "colours for languages that no command prints; rich shows tracebacks, so Python stays": [
        "pygments/lexers/[!_]*", "pygments/lexers/_*_builtins.py",
    ],
    "tests of packages": ["*/tests", "*/test", "*/_testbase.py", "*/_testcapi.*.so"],
    "for compilers and type checkers": ["**/*.pyi", "**/*.pyx", "**/*.pxd", "**/*.pxi", "**/*.c", "**/*.h"],
}  # fmt: skip
KEPT = {"python.py"}
COMMANDS: Rules = {
    "commands of packages": ["dotenv", "idna", "markdown-it", "normalizer", "pygmentize", "typer", "wsdump"],
    "for interactive shells": ["[aA]ctivate*"],
}

LIBRARY: Rules = {  # of Python, wherever the base has it
    "for developers": [
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "test",
        "tkinter",
        "turtle.py",
        "turtledemo",
        "config-*",
    ],
    "installs packages": ["*-packages/pip*", "*-packages/setuptools*", "*-packages/wheel*", "*-packages/pkg_resources"],
}
SYSTEM: Rules = {
    "starts what is gone": ["bin/pip*", "bin/idle*", "bin/pydoc*", "bin/2to3*", "bin/python*-config", "bin/python*-gdb.py"],
    "for compilers": ["include/*", "lib/*/pkgconfig", "lib/pkgconfig"],
    "for people; licences stay": ["share/man", "share/info", "share/locale", "share/lintian", "share/doc/*/[!c]*"],
    "wheels of pip": ["share/python-wheels"],
}
LEFTOVERS: Rules = {
    "caches and logs": ["var/cache/*/*", "var/log/*", "root/.cache"],
    "belonged to apt": ["etc/apt", "var/lib/apt"],
}

# Debian's packages for those who administer a system: they install packages, or change users with the rights of root. In the
# order in which they can go.
ADMINISTRATION = [
    ["python3-pip", "python3-pip-whl", "python3-setuptools-whl", "python3-wheel", "python3-packaging", "python3-venv"],
    ["apt", "libapt-pkg7.0", "sqv", "debian-archive-keyring", "login", "passwd", "mount", "openssl", "libpam-runtime"],
    ["libpam-modules", "libpam-modules-bin", "libpam0g"],
    ["debconf"],
    ["perl-base"],
]


def main() -> None:
    """Slim what the arguments name."""
    match sys.argv[1:]:
        case ["packages", folder]:
            for installed in Path(folder).glob("lib/python3*/site-packages"):
                _remove(installed / "kubernetes", KUBERNETES, required=True)
                _remove(installed, PACKAGES)
            _remove(Path(folder, "bin"), COMMANDS)
        case ["base", folder]:
            for packages in ADMINISTRATION:
                _purge(packages)
            for usr in Path(folder, "usr"), Path(folder, "usr/local"):
                for library in usr.glob("lib/python3*"):
                    _remove(library, LIBRARY)
                _remove(usr, SYSTEM)
            _remove(Path(folder), LEFTOVERS)
            _take_rights(Path(folder, "usr"))
        case _:
            sys.exit("usage: slim.py packages|base FOLDER")


def _remove(folder: Path, rules: Rules, *, required: bool = False) -> None:
    for reason, patterns in rules.items():
        for pattern in patterns:
            found = [path for path in folder.glob(pattern) if path.name not in KEPT]
            if required and not found:
                sys.exit(f"slim.py: nothing matches {folder / pattern}: has the package changed?")
            if found:
                _say(_size(found), str(folder / pattern), reason)
            for path in found:
                rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _purge(packages: list[str]) -> None:
    installed = []
    for package in packages:
        asked = ["dpkg-query", "--show", "--showformat=${Installed-Size}", package]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout:
            installed.append(package)
            _say(int(answer.stdout) * 1024, package, "administers a system")
    if installed:
        forced = ["--force-depends", "--force-remove-essential", "--force-remove-protected"]
        purged = subprocess.run(["dpkg", "--purge", *forced, *installed], capture_output=True, text=True, check=False)
        if purged.returncode != 0:
            sys.exit(f"slim.py: dpkg cannot remove {' '.join(installed)}:\n{purged.stderr}")


def _take_rights(folder: Path) -> None:
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            path.chmod(stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))
            _say(0, str(path), "ran with the rights of another user; runs now with those of whoever starts it")


def _size(paths: Iterable[Path]) -> int:
    return sum(file.lstat().st_size for path in paths for file in (path, *path.rglob("*")) if file.is_file())


def _say(size: int, what: str, reason: str) -> None:
    sys.stdout.write(f"{size / 1e6:8.2f} MB  {what}  ({reason})\n")


if __name__ == "__main__":
    main()
