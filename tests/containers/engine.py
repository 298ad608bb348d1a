"""Lays images out as plain directory trees, and runs commands in them as a container engine would.

Base images cannot be fetched here. In their place stand this machine's programs, read-only, for those that have a
shell, and for `distroless/cc` nothing but the libraries that the program is linked with.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile import Instruction, Stage, assignments, context, parse

CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What `distroless/cc` has, and our program may need.
DISTROLESS_LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
libc = ctypes.CDLL(None, use_errno=True)


def unshare(what: int) -> None:
    """Gives this process namespaces of its own."""
    if libc.unshare(what) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def mount(*arguments: str | Path) -> None:
    """Calls `mount`."""
    subprocess.run(["mount", *arguments], check=True)


def bind(source: Path, target: Path, *, read_only: bool = False) -> None:
    """Shows `source` at `target`, which is made where it is missing."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount("--bind", source, target)
    if read_only:
        mount("-o", "remount,bind,ro", target)


def below(root: Path, path: str) -> Path:
    """Where an image's path is in its tree."""
    return root / path.lstrip("/")


@dataclass
class Image:
    """An image: a tree, and what its Dockerfile says about running it."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    user: tuple[int, int] = (0, 0)
    workdir: str = "/"
    volumes: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    stop_signal: signal.Signals = signal.SIGTERM
    health: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    # Where this machine's own files are shown.
    borrowed: list[Path] = field(default_factory=list)

    def borrow(self, source: Path, target: str) -> None:
        """Shows something of this machine in the tree, read-only."""
        bind(source, below(self.root, target), read_only=True)
        self.borrowed.append(below(self.root, target))

    def snapshot(self) -> dict[str, tuple[int, ...]]:
        """The tree's files with owner, mode, size and time of change, but for what is borrowed."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if Path(folder, name) not in self.borrowed]
            for path in (Path(folder, name) for name in (*folders, *files)):
                facts = path.lstat()
                found[str(path)] = (facts.st_uid, facts.st_gid, facts.st_mode, facts.st_size, facts.st_mtime_ns)
        return found


class Builder:
    """Carries a Dockerfile out."""

    def __init__(self, folder: Path, scratch: Path, stand_ins: Path | None = None) -> None:
        """Builds from `folder`; programs in `stand_ins` go before those of the base."""
        self.folder, self.scratch, self.stand_ins = folder, scratch, stand_ins
        listed = ["git", "-C", folder, "ls-files", "--cached", "--others", "--exclude-standard"]
        tracked = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
        self.context = [name for name in context(folder, tracked) if (folder / name).exists()]
        self.images: dict[str, Image] = {}

    def build(self, program: Path | None = None) -> Image:
        """The last stage's image; `program` says which libraries a base without a shell has."""
        stages = parse(self.folder / "Dockerfile")
        for number, stage in enumerate(stages):
            image = self._base(stage, self.scratch / f"{number}-{stage.name or 'image'}", program)
            for instruction in stage.instructions:
                self._apply(instruction, image)
            self.images[stage.name] = image
        return image

    def _base(self, stage: Stage, root: Path, program: Path | None) -> Image:
        image = Image(root)
        for folder in ("dev", "etc", "proc", "tmp"):
            (root / folder).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/sbin/nologin\n")
        (root / "etc/group").write_text("root:x:0:\n")
        (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        for device in ("null", "urandom"):
            bind(Path("/dev", device), root / "dev" / device)
        image.borrowed += [root / "dev", root / "proc"]
        mount("--rbind", "/proc", root / "proc")
        if stage.base.startswith("gcr.io/distroless/cc-"):
            assert program is not None
            _copy_libraries(program, root)
            (root / "home/nonroot").mkdir(parents=True)
            os.chown(root / "home/nonroot", 65532, 65532)
            return image
        assert stage.base.startswith(("python:", "rust:")), f"{stage.base} has no stand-in"
        image.borrow(Path("/usr"), "/usr")
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / name).symlink_to(f"usr/{name}")
        for name in ("resolv.conf", "pip.conf", "ssl"):
            if Path("/etc", name).exists():
                image.borrow(Path("/etc", name).resolve(), f"/etc/{name}")
        if stage.base.startswith("python:"):
            # Wherever this Python stands, also in a home that no other user may enter.
            prefix = Path(sys.base_prefix)
            if not prefix.is_relative_to("/usr"):
                image.borrow(prefix, str(prefix))
            names = root / "names"
            names.mkdir()
            (names / "python").symlink_to(Path(sysconfig.get_config_var("BINDIR"), "python3").resolve())
            image.environment["PATH"] = f"/names:{PATH}"
        if self.stand_ins is not None:
            image.borrow(self.stand_ins, "/stand-ins")
            image.environment["PATH"] = f"/stand-ins:{PATH}"
        return image

    def _apply(self, instruction: Instruction, image: Image) -> None:
        text = instruction.text
        match instruction.keyword:
            case "COPY":
                self._copy(instruction, image)
            case "RUN":
                self._run(instruction, image)
            case "ENV":
                image.environment |= assignments(text, image.environment)
            case "USER":
                uid, gid = text.split(":")
                image.user = int(uid), int(gid)
            case "WORKDIR":
                image.workdir = text
                below(image.root, text).mkdir(parents=True, exist_ok=True)
            case "VOLUME":
                image.volumes.append(text)
            case "EXPOSE":
                image.ports.append(int(text))
            case "STOPSIGNAL":
                image.stop_signal = signal.Signals[text]
            case "HEALTHCHECK":
                assert text.startswith("CMD "), text
                image.health = Instruction("CMD", [], text.removeprefix("CMD ")).words()
            case "ENTRYPOINT":
                image.entrypoint = instruction.words()
            case "CMD":
                image.command = instruction.words()
            case "LABEL":
                pass
            case keyword:
                raise AssertionError(keyword)

    def _copy(self, instruction: Instruction, image: Image) -> None:
        *sources, target = instruction.text.split()
        uid, gid = map(int, (instruction.flag("chown") or "0:0").split(":"))
        into = below(image.root, os.path.join(image.workdir, target))
        if (stage := instruction.flag("from")) is not None:
            (source,) = (below(self.images[stage].root, name) for name in sources)
            pairs = [(source, into)]
            pairs += [(path, into / path.relative_to(source)) for path in sorted(source.rglob("*"))]
        else:
            pairs = []
            for source_name in map(os.path.normpath, sources):
                chosen = [n for n in self.context if source_name == "." or f"{n}/".startswith(f"{source_name}/")]
                assert chosen, f"COPY {source_name}: the build's context has nothing of that name"
                source = self.folder / source_name
                to = into if source.is_dir() else into / source.name
                pairs += [(self.folder / name, to / (self.folder / name).relative_to(source)) for name in chosen]
        for path, to in pairs:
            to.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                to.symlink_to(path.readlink())
            elif path.is_dir():
                to.mkdir(exist_ok=True)
            else:
                shutil.copy(path, to)
            os.chown(to, uid, gid, follow_symlinks=False)

    def _run(self, instruction: Instruction, image: Image) -> None:
        pip = {name: value for name, value in os.environ.items() if name.lower().startswith(("pip_", "http", "no_pr"))}
        caches = []
        for name, value in instruction.flags:
            mounted = dict(pair.split("=") for pair in value.split(","))
            assert (name, mounted["type"]) == ("mount", "cache"), value
            caches.append(mounted["target"])
        shell = ["/bin/sh", "-c", instruction.text]
        environment = {"HOME": "/root"} | pip | image.environment
        run = subprocess.run(
            shell, env=environment, preexec_fn=_entering(image, image.root), capture_output=True, text=True
        )
        assert run.returncode == 0, f"RUN {instruction.text}: {run.stdout}{run.stderr}"
        # Caches are no part of the image.
        for cache in caches:
            if not below(image.root, cache).is_relative_to(image.root / "usr"):
                shutil.rmtree(below(image.root, cache), ignore_errors=True)


def _copy_libraries(program: Path, root: Path) -> None:
    told = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in re.findall(r"(/\S+) \(0x", told):
        assert Path(path).name in DISTROLESS_LIBRARIES, f"the program needs {path}, which distroless/cc lacks"
        to = below(root, path)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)


def _entering(image: Image, root: Path) -> Callable[[], None]:
    def enter() -> None:
        os.chroot(root)
        os.chdir(image.workdir)
        os.umask(0o022)
        os.setgroups([])
        os.setgid(image.user[1])
        os.setuid(image.user[0])

    return enter


class Container:
    """A container of an image: a view of its tree with volumes of its own."""

    def __init__(
        self,
        image: Image,
        root: Path,
        *,
        environment: Mapping[str, str] | None = None,
        read_only: bool = False,
        volumes: Mapping[str, Path] | None = None,
        tmpfs: list[str] | None = None,
        shown: Mapping[str, Path] | None = None,
    ) -> None:
        """Mounts `volumes` (read-write), `shown` (read-only) and `tmpfs` over the image's tree."""
        self.image, self.root = image, root
        self.environment = {"HOME": "/", "HOSTNAME": root.name} | image.environment | dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.log = root.with_suffix(".log")
        root.mkdir()
        for path in shown or {}:
            below(image.root, path).mkdir(parents=True, exist_ok=True)
        mount("--rbind", image.root, root)
        if read_only:
            mount("-o", "remount,bind,ro", root)
        for path in image.volumes:
            source = (volumes or {}).get(path) or root.with_name(f"{root.name}{path.replace('/', '-')}")
            if not source.exists():
                # As a new volume: with what the image has there, and its owner.
                subprocess.run(["cp", "-a", below(image.root, path), source], check=True)
            bind(source, below(root, path))
        for path, source in (shown or {}).items():
            bind(source, below(root, path), read_only=True)
        for path in tmpfs or []:
            mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", below(root, path))

    def start(self, command: list[str] | None = None) -> None:
        """Starts entry point and command as process 1 of a namespace of its own."""
        enter = _entering(self.image, self.root)

        def enter_as_first() -> None:
            unshare(CLONE_NEWPID)
            first = os.fork()
            if first == 0:
                enter()
                return
            # The middle: keeps nothing open, so that nobody waits for it, and ends as the first process did.
            os.closerange(3, 1024)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)

        words = [*self.image.entrypoint, *(self.image.command if command is None else command)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, env=self.environment, preexec_fn=enter_as_first, stdout=log, stderr=subprocess.STDOUT
            )

    def pid(self) -> int:
        """The container's first process, as seen from here."""
        assert self.process is not None
        middle = self.process.pid
        (first,) = Path(f"/proc/{middle}/task/{middle}/children").read_text().split()
        return int(first)

    def run(self, command: list[str], seconds: float = 30) -> subprocess.CompletedProcess[str]:
        """Runs one more command in it, as `docker exec` does."""
        return subprocess.run(
            command,
            env=self.environment,
            preexec_fn=_entering(self.image, self.root),
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def wait_until_healthy(self, seconds: float = 30) -> None:
        """Runs the image's health check until it passes."""
        deadline = time.monotonic() + seconds
        while (probe := self.run(self.image.health)).returncode != 0:
            assert self.process is not None and self.process.poll() is None, f"it ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, f"not healthy: {probe.stdout}{probe.stderr}{self.log.read_text()}"
            time.sleep(0.2)

    def wait(self, seconds: float = 40) -> int:
        """Waits for its end, and gives its exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self, seconds: float = 40) -> int:
        """Sends the stop signal, and gives the exit code."""
        os.kill(self.pid(), self.image.stop_signal)
        return self.wait(seconds)

    def writable(self) -> list[str]:
        """The folders that the image's user may write to, tried one by one, but for those of /proc and /dev."""
        reader, writer = os.pipe()
        if os.fork() == 0:
            try:
                _entering(self.image, self.root)()
                for folder, folders, _ in os.walk("/"):
                    if folder == "/":
                        folders[:] = [name for name in folders if name not in ("proc", "dev")]
                    name = os.path.join(folder, ".written")
                    try:
                        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
                        os.unlink(name)
                        os.write(writer, folder.encode() + b"\n")
                    except OSError:
                        pass
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as told:
            return sorted(told.read().split("\n")[:-1])
