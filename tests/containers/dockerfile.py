"""Reads a Dockerfile as far as ours go; what it does not know, it refuses."""

import json
import re
import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

KNOWN = {
    *("FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "VOLUME", "LABEL"),
    *("EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
}


@dataclass
class Instruction:
    """One instruction: `--key=value` flags and the text after them."""

    keyword: str
    flags: list[tuple[str, str]]
    text: str

    def flag(self, name: str) -> str | None:
        """The last value of a flag."""
        return dict(self.flags).get(name)

    def words(self) -> list[str]:
        """The JSON array that the text is; our Dockerfiles have no other form where a command is run."""
        words: list[str] = json.loads(self.text)
        return words


@dataclass
class Stage:
    """A stage: its base, its name, and the instructions after `FROM`."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)


def parse(path: Path) -> list[Stage]:
    """The stages of a Dockerfile."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n", " ", "\n".join(lines))
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        keyword, _, rest = line.partition(" ")
        assert keyword in KNOWN, f"{path}: {keyword} is not known here"
        flags = []
        while found := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
            flags.append((found[1], found[2]))
            rest = rest[found.end() :]
        if keyword == "FROM":
            base, *name = rest.split()
            stages.append(Stage(base, name[1] if name else ""))
        else:
            stages[-1].instructions.append(Instruction(keyword, flags, rest.strip()))
    return stages


def assignments(text: str, environment: dict[str, str]) -> dict[str, str]:
    """The variables that `ENV` sets, with `$NAME` put in."""
    pairs = (word.split("=", 1) for word in shlex.split(text))
    return {name: re.sub(r"\$\{?(\w+)\}?", lambda found: environment[found[1]], value) for name, value in pairs}


def context(folder: Path, tracked: list[str]) -> list[str]:
    """The files that a build gets to see: those in version control, less what `.dockerignore` names."""
    patterns = [line for line in (folder / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]

    def ignored(name: str) -> bool:
        is_ignored = False
        ways = ["/".join(name.split("/")[: end + 1]) for end in range(name.count("/") + 1)]
        for pattern in patterns:
            plain = pattern.removeprefix("!").rstrip("/")
            if any(_matches(way, plain) for way in ways):
                is_ignored = not pattern.startswith("!")
        return is_ignored

    return [name for name in tracked if not ignored(name)]


def _matches(way: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(way.rsplit("/", 1)[-1], pattern[3:])
    return way.count("/") == pattern.count("/") and fnmatch(way, pattern)
