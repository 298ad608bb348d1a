"""The machine that all of it runs on."""

import os
import platform
import re
import subprocess
from pathlib import Path


def file_system(directory: Path | str) -> str:
    """Tell the kind of file system; refuse one that is only memory, where waiting for the disk costs nothing."""
    command = ["stat", "--file-system", "--format=%T", directory]
    kind = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        raise SystemExit(f"{directory} is {kind}, no disk: choose another with --directory")
    return kind


def described() -> dict[str, str]:
    """Tell what the machine is."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 2**30:.0f} GiB",
        "kernel": platform.release(),
    }
