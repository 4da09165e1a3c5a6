"""The kinds of faults: which points each kind has in a story, and how a command is disturbed there.

A point is told by a text of four parts, `kind:story:command:detail`, which is all that is needed to
try it again.
"""

import functools
import os
import random
import re
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from workspace import FAKETIME, Ended, Workspace

CHANGES = (
    "openat", "write", "pwrite64", "copy_file_range", "sendfile", "rename", "renameat", "renameat2",
    "fsync", "fdatasync", "unlink", "unlinkat", "rmdir", "symlink", "symlinkat", "mkdir", "mkdirat",
    "link", "linkat", "ftruncate", "fallocate", "fchmod", "flock", "fcntl",
)  # fmt: skip
READS = ("read", "pread64", "statx", "newfstatat", "readlink", "readlinkat", "getdents64", "lseek")
WITHOUT_PATH = ("clone3", "socket")

# Errors that a call may have. Those that last once they come are injected into all later calls too.
ERRORS = {
    "openat": ("EIO", "EACCES", "EMFILE", "EINTR"),
    "read": ("EIO", "EINTR"), "pread64": ("EIO", "EINTR"),
    "write": ("ENOSPC", "EIO", "EINTR"), "pwrite64": ("ENOSPC", "EIO", "EINTR"),
    "copy_file_range": ("ENOSPC", "EIO"), "ftruncate": ("EIO", "EINTR"), "fallocate": ("ENOSPC",),
    "fsync": ("EIO", "ENOSPC"), "fdatasync": ("EIO", "ENOSPC"),
    "rename": ("EIO", "EACCES", "ENOSPC"), "renameat2": ("EIO", "EACCES", "ENOSPC"),
    "unlink": ("EIO", "EACCES"), "unlinkat": ("EIO", "EACCES"), "rmdir": ("EIO",),
    "symlink": ("EIO", "EACCES", "ENOSPC"), "mkdir": ("EIO", "EACCES", "ENOSPC"),
    "link": ("EIO", "EACCES"), "linkat": ("EIO", "EACCES"), "fchmod": ("EIO",),
    "flock": ("EINTR", "ENOLCK"), "fcntl": ("EINTR", "ENOLCK"),
    "statx": ("EIO", "EACCES"), "newfstatat": ("EIO", "EACCES"), "getdents64": ("EIO",),
    "readlink": ("EIO", "EACCES"), "lseek": ("EIO",), "clone3": ("EAGAIN",), "socket": ("EMFILE",),
}  # fmt: skip
LASTING = ("ENOSPC", "EACCES", "EMFILE", "EAGAIN")
SAYS = "write"  # Messages go through it too, so it fails only once.


class Call(NamedTuple):
    """A system call of an undisturbed command: the `number`-th of its name in one of the threads."""

    name: str
    number: int
    is_change: bool


class Disturbed(NamedTuple):
    """A disturbed command, and where it was disturbed; `place` is None if the fault never came."""

    ended: Ended
    place: str | None


# --- strace -------------------------------------------------------------------------------------


def strace_problem() -> str | None:
    """Why nothing can be traced here, if so."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"ptrace is not allowed: {tried.stderr.strip()}"


def strace(log: Path, calls: str, inject: str | None = None):
    command = ["strace", "-f", "-y", "-qq", "-s", "0", "-o", str(log), "-e", f"trace={calls}"]
    return [*command, "-e", f"inject={inject}"] if inject else command


def traced_calls(workspace: Workspace, command) -> list[Call]:
    """The calls of an undisturbed command that concern its folders."""
    log = workspace.root.with_suffix(".trace")
    # Not every processor has each of these calls; strace skips those with a question mark.
    calls = ",".join(f"?{name}" for name in (*CHANGES, *READS, *WITHOUT_PATH))
    ended = workspace.run(*command, before=strace(log, calls))
    if ended.code != 0:
        raise RuntimeError(f"{command} fails undisturbed: {ended.code} {ended.err}")
    counts, found = {}, set()
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if not match:
            continue
        thread, name = match.groups()
        counts[thread, name] = number = counts.get((thread, name), 0) + 1
        if str(workspace.root) in line or name in WITHOUT_PATH:
            found.add(Call(name, number, is_change(name, line)))
    log.unlink()
    return sorted(found)


def is_change(name: str, line: str) -> bool:
    """True if a file or folder is another one after the call. Only there a kill makes a difference."""
    if name == "openat":
        return bool(re.search("O_CREAT|O_WRONLY|O_RDWR", line))
    return name in CHANGES


def injected(workspace: Workspace, command, call: str, inject: str) -> Disturbed:
    log = workspace.root.with_suffix(".trace")
    ended = workspace.run(*command, before=strace(log, call, inject))
    lines = log.read_text(errors="replace").splitlines()
    log.unlink()
    if ended.code == -9:
        hits = [line for line in lines if f" {call}(" in line][-1:] or [call]
    else:
        hits = [line for line in lines if "INJECTED" in line]
        # The kernel never refuses that one thread wakes another, so a program may end in any way then.
        hits = [] if any("eventfd" in line for line in hits) else hits[:1]
        # Another thread may have come first: with a call that concerns a library, for example.
        hits = [line for line in hits if str(workspace.root) in line or call in WITHOUT_PATH]
    return Disturbed(ended, hits[0].replace(str(workspace.root), "")[:200] if hits else None)


# --- Faults of one command ----------------------------------------------------------------------


def kill(workspace, command, detail) -> Disturbed:
    """SIGKILL when the n-th call begins. `detail` is CALL/NUMBER."""
    call, number = detail.split("/")
    return injected(workspace, command, call, f"{call}:signal=KILL:when={number}")


def kill_points(prepared, number):
    return [f"{call.name}/{call.number}" for call in prepared.calls[number] if call.is_change]


def kill_twice(workspace, command, detail) -> Disturbed:
    """SIGKILL, and again in the command that follows. `detail` is CALL/NUMBER/CALL/NUMBER."""
    call, number, *again = detail.split("/")
    first = kill(workspace, command, f"{call}/{number}")
    second = kill(workspace, command, "/".join(again))
    return Disturbed(second.ended, first.place and f"{first.place}, then {second.place}")


def kill_twice_points(prepared, number):
    points = kill_points(prepared, number)
    return [f"{point}/{random.Random(point).choice(points)}" for point in points]


def error(workspace, command, detail) -> Disturbed:
    """The n-th call fails, and all later ones too if the error lasts. `detail` is CALL/NUMBER/ERROR."""
    call, number, name = detail.split("/")
    lasts = "+" if name in LASTING and call != SAYS else ""
    return injected(workspace, command, call, f"{call}:error={name}:when={number}{lasts}")


def error_points(prepared, number):
    return [
        f"{call.name}/{call.number}/{name}"
        for call in prepared.calls[number]
        for name in ERRORS.get(call.name, ())
    ]


def jumping_clock(workspace, command, detail) -> Disturbed:
    """A kill while the clock is wrong. `detail` is CALL/NUMBER/DAYS/DAYS: for this command and for
    all later ones."""
    call, number, now, later = detail.split("/")
    begin = time.time()
    workspace.clock = f"{now}d"
    disturbed = kill(workspace, command, f"{call}/{number}")
    workspace.clock = f"{later}d"
    remove_shared_memory(begin)
    return disturbed


def remove_shared_memory(since: float):
    """Removes what faketime's library could not remove in a process that was killed."""
    for path in Path("/dev/shm").glob("*faketime_*"):
        try:
            is_alive = Path("/proc", path.name.rsplit("_", 1)[1]).exists()
            if not is_alive and path.stat().st_mtime >= since:
                path.unlink()
        except FileNotFoundError:
            pass  # Another process has just ended.


def clock_points(prepared, number):
    if FAKETIME is None:
        return []
    draw = random.Random(f"{prepared.story.name} {number}")
    days = ("-400", "-30", "-1", "+1", "+30", "+400")
    return [f"{point}/{draw.choice(days)}/{draw.choice(days)}" for point in kill_points(prepared, number)]


def full_disk(workspace, command, detail) -> Disturbed:
    """A disk with a few free pages of 4 KiB. The workspace is on a disk of its own: see `disk`."""
    set_size(workspace.root.parent, f"{used_pages(workspace.root.parent) + int(detail)}", "4k")
    ended = workspace.run(*command)
    return Disturbed(ended, f"{detail} free pages" if ended.code != 0 else None)


def full_disk_points(prepared, number):
    return [str(pages) for pages in range(prepared.grown_pages + 40)] if disks_can_be_made() else []


def largest_file(workspace, command, detail) -> Disturbed:
    """No file may grow beyond so many bytes: a write is cut short, and the next one fails (EFBIG)."""
    limit = int(detail)
    ended = workspace.run(*command, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    return Disturbed(ended, f"files of at most {limit} bytes" if ended.code != 0 else None)


def largest_file_points(prepared, number):
    draw = random.Random(f"{prepared.story.name} {number}")
    return [str(int(2 ** draw.uniform(0, 18))) for _ in range(60)]


# --- Disks --------------------------------------------------------------------------------------


@functools.cache
def disks_can_be_made() -> bool:
    """Tries it once: root in a container may not be allowed to."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            mount(Path(folder) / "disk")
            unmount(Path(folder) / "disk")
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def mount(folder: Path):
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "faults", folder]
    subprocess.run(command, check=True, capture_output=True)


def unmount(folder: Path):
    # Lazily, as a killed process may not have ended yet.
    subprocess.run(["umount", "--lazy", folder], check=True)


def set_size(folder: Path, count: str, unit: str = "m"):
    size = int(count) * 4 if unit == "4k" else int(count) * 1024
    subprocess.run(["mount", "-o", f"remount,size={size}k", folder], check=True)


def used_pages(folder: Path) -> int:
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 4096


# --- Damage -------------------------------------------------------------------------------------

DAMAGES = ("flip", "zero", "truncate", "empty", "remove", "older")
PLACES = 4  # Places of a file that are tried with each of the first three.


def damage(workspace: Workspace, older: Path, detail) -> str | None:
    """Damages one file. `detail` is HOW/DRAW/PATH. Returns the path, or None if that changes nothing."""
    how, draw, name = detail.split("/", 2)
    path = workspace.root / name
    if path.is_symlink():
        return damage_link(path, how)
    content = path.read_bytes()
    damaged = damaged_bytes(content, how, random.Random(detail), older / name)
    if damaged == content:
        return None
    path.unlink()
    if damaged is not None:
        path.write_bytes(damaged)
    return name


def damaged_bytes(content: bytes, how: str, draw: random.Random, older: Path):
    if how == "remove":
        return None
    if how == "empty":
        return b""
    if how == "older":
        return older.read_bytes() if older.is_file() else content
    at = draw.randrange(len(content)) if content else 0
    if how == "truncate":
        return content[:at]
    if how == "zero":
        length = draw.choice((1, 16, 512, 4096))
        return content[:at] + bytes(len(content[at : at + length])) + content[at + length :]
    flipped = bytes(byte ^ 1 << draw.randrange(8) for byte in content[at : at + 1])
    return content[:at] + flipped + content[at + 1 :]


def damage_link(path: Path, how: str):
    if how not in ("remove", "empty"):
        return None
    path.unlink()
    if how == "empty":
        path.symlink_to("releases/999999")
    return path.name


def damage_points(prepared):
    """Each file that the programs wrote, damaged in each way."""
    root = prepared.before.root
    folders = [root / "data" / name for name in ("state", "ingesteddata", "models")]
    files = [
        path.relative_to(root)
        for folder in (*folders, root / "production_deployment")
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    ]
    return [
        f"{how}/{draw}/{path}"
        for path in files
        for how in DAMAGES
        for draw in range(PLACES if how in ("flip", "zero", "truncate") else 1)
    ]


# --- Many processes -----------------------------------------------------------------------------

PROGRAMS = (
    *[("fullprocess",)] * 4, ("ingestion",), ("training",), ("scoring",), ("deployment",),
    ("deployment", "--rollback"), ("reporting",), ("fullprocess", "--dry-run"),
    ("deployment", "--list"), ("fullprocess", "--doctor"), ("scoring", "--rank"),
)  # fmt: skip


def crowd(detail):
    """Two to six processes: when each starts, what it is, and when it is killed, if it is."""
    draw = random.Random(f"crowd {detail}")
    return [
        (draw.uniform(0, 0.2), draw.choice(PROGRAMS), draw.uniform(0, 0.3) if draw.random() < 0.3 else None)
        for _ in range(draw.randint(2, 6))
    ]


# --- Times of files -----------------------------------------------------------------------------


def age_input(workspace: Workspace, detail):
    """Input and state get times in the past and future."""
    draw = random.Random(f"times {detail}")
    for path in sorted((workspace.root / "data").rglob("*")):
        if path.is_file() and draw.random() < 0.5:
            seconds = path.stat().st_mtime + draw.choice((-1, 1)) * 10 ** draw.uniform(0, 9)
            os.utime(path, (seconds, seconds))


DISTURB = {
    "kill": (kill, kill_points),
    "twice": (kill_twice, kill_twice_points),
    "error": (error, error_points),
    "clock": (jumping_clock, clock_points),
    "disk": (full_disk, full_disk_points),
    "limit": (largest_file, largest_file_points),
}
