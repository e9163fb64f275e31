"""The system-call filter of both machines, run by a small interpreter of BPF instead of the kernel."""

from __future__ import annotations

import errno
import struct

import pytest

from rlaif.execution.inside import seccomp

OWN_PID = 4321
REPORT = 3
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSED, PRETENDED, UNREACHABLE, UNKNOWN, CLOSED, UNSUPPORTED, NO_TERMINAL, INVALID, IN_FLIGHT = (
    0x50000 | n
    for n in (
        errno.EPERM, 0, errno.ENETUNREACH, errno.ENOSYS, errno.EBADF,
        errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.ETOOMANYREFS,
    )
)  # fmt: skip

# From the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
NUMBERS = {
    "x86_64": {"read": 0, "openat": 257, "socket": 41, "socketpair": 53, "clone": 56, "clone3": 435, "execve": 59,
               "kill": 62, "fcntl": 72, "prctl": 157, "prlimit64": 302, "fchmodat": 268, "ptrace": 101, "getpid": 39,
               "connect": 42, "bind": 49, "close": 3, "dup3": 292, "tgkill": 234, "close_range": 436, "ioctl": 16,
               "mmap": 9, "sendmsg": 46, "sendmmsg": 307, "sendto": 44, "sendfile": 40, "splice": 275, "fallocate": 285,
               "getxattr": 191, "llistxattr": 195, "inotify_init1": 294, "inotify_add_watch": 254, "getpgid": 121,
               "getpriority": 140, "sched_getaffinity": 204, "clock_gettime": 228, "listmount": 458},
    "aarch64": {"read": 63, "openat": 56, "socket": 198, "socketpair": 199, "clone": 220, "clone3": 435, "execve": 221,
                "kill": 129, "fcntl": 25, "prctl": 167, "prlimit64": 261, "fchmodat": 53, "ptrace": 117, "getpid": 172,
                "connect": 203, "bind": 200, "close": 57, "dup3": 24, "tgkill": 131, "close_range": 436, "ioctl": 29,
               "mmap": 222, "sendmsg": 211, "sendmmsg": 269, "sendto": 206, "sendfile": 71, "splice": 76,
               "fallocate": 47, "getxattr": 8, "llistxattr": 12, "inotify_init1": 26, "inotify_add_watch": 27,
               "getpgid": 155,
               "getpriority": 141, "sched_getaffinity": 123, "clock_gettime": 113, "listmount": 458},
}  # fmt: skip
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def interpret(program: list[seccomp.Instruction], number: int, architecture: int, *arguments: int) -> int:
    """What the filter answers to a call; struct seccomp_data is number, architecture, pointer, six arguments."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, architecture, 0, *(value & (1 << 64) - 1 for value in padded))
    position, accumulator = 0, 0
    while True:
        code, if_true, if_false, constant = program[position]
        position += 1
        if code == 0x06:
            return constant
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, constant)[0]
            continue
        holds = {0x15: accumulator == constant, 0x35: accumulator >= constant, 0x45: bool(accumulator & constant)}
        position += if_true if holds[code] else if_false


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filter(machine: str) -> None:
    program = seccomp.build_filter(seccomp._MACHINES[machine], OWN_PID, REPORT)
    architecture = ARCHITECTURES[machine]

    def answer(name: str, *arguments: int) -> int:
        return interpret(program, NUMBERS[machine][name], architecture, *arguments)

    for name in ("read", "openat", "getpid"):
        assert answer(name) == ALLOW, name
    for name in ("execve", "ptrace"):
        assert answer(name) == REFUSED, name
    assert answer("fchmodat") == PRETENDED
    assert answer("socket", 2, 1) == UNREACHABLE
    assert answer("clone3") == UNKNOWN
    assert (answer("clone", 0x3D0F00), answer("clone", 17)) == (ALLOW, REFUSED)  # a thread, a process
    assert (answer("connect", 5), answer("bind", 5)) == (UNREACHABLE, UNREACHABLE)
    stream, datagram, packets, flags = 1, 2, 5, 0x80800  # SOCK_NONBLOCK, SOCK_CLOEXEC
    assert [answer("socketpair", 1, kind | flags) for kind in (stream, datagram, packets)] == [ALLOW, REFUSED, REFUSED]
    assert [answer("close", descriptor) for descriptor in (REPORT, REPORT + 1)] == [CLOSED, ALLOW]
    assert [answer("dup3", *pair) for pair in ((REPORT, 9), (9, REPORT))] == [ALLOW, CLOSED]
    assert answer("close_range", 0, 9) == UNKNOWN
    assert [answer("kill", pid, 15) for pid in (OWN_PID, OWN_PID + 1, 0, -1)] == [ALLOW, REFUSED, REFUSED, REFUSED]
    assert [answer("kill", pid, 9) for pid in (OWN_PID, OWN_PID + 1)] == [KILL, REFUSED]
    assert (answer("tgkill", OWN_PID, OWN_PID, 9), answer("tgkill", OWN_PID, OWN_PID, 6)) == (KILL, ALLOW)
    assert (answer("prlimit64", 0), answer("prlimit64", OWN_PID + 1)) == (ALLOW, REFUSED)
    assert (answer("fcntl", 3, 1), answer("fcntl", 3, 8)) == (ALLOW, REFUSED)  # F_GETFD, F_SETOWN
    assert (answer("prctl", 15), answer("prctl", 1)) == (ALLOW, REFUSED)  # PR_SET_NAME, PR_SET_PDEATHSIG
    assert interpret(program, NUMBERS[machine]["read"], 0x40000003) == KILL  # i386
    assert interpret(program, NUMBERS[machine]["read"] | 0x40000000, architecture) == KILL  # x32


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filter_with_a_network_lets_internet_sockets_through_and_no_others(machine: str) -> None:
    program = seccomp.build_filter(seccomp._MACHINES[machine], OWN_PID, REPORT, network=True)

    def answer(name: str, *arguments: int) -> int:
        return interpret(program, NUMBERS[machine][name], ARCHITECTURES[machine], *arguments)

    families = {1: UNREACHABLE, 2: ALLOW, 10: ALLOW, 16: UNREACHABLE, 17: UNREACHABLE, 40: UNREACHABLE}
    assert {family: answer("socket", family, 1) for family in families} == families
    assert (answer("read"), answer("execve"), answer("kill", OWN_PID + 1, 9)) == (ALLOW, REFUSED, REFUSED)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("network", [False, True])
def test_filter_keeps_what_a_snippet_holds_where_it_can_be_counted(machine: str, network: bool) -> None:
    program = seccomp.build_filter(seccomp._MACHINES[machine], OWN_PID, REPORT, network=network)

    def answer(name: str, *arguments: int) -> int:
        return interpret(program, NUMBERS[machine][name], ARCHITECTURES[machine], *arguments)

    # MAP_PRIVATE, MAP_SHARED, of a file; with MAP_ANONYMOUS; and as a thread's stack is made
    flags = {0x02: ALLOW, 0x01: ALLOW, 0x22: ALLOW, 0x21: REFUSED, 0x8021: REFUSED, 0x20022: ALLOW}
    assert {one: answer("mmap", 0, 4096, 3, one) for one in flags} == flags
    assert (answer("sendfile"), answer("splice")) == (REFUSED, REFUSED)
    messages = ALLOW if network else IN_FLIGHT  # resolvers and gRPC send by them
    assert (answer("sendmsg", 5), answer("sendmmsg", 5), answer("sendto", 5)) == (messages, messages, ALLOW)
    threads = {0x3D0F00: ALLOW, 0x3D0B00: REFUSED, 0x3D0D00: REFUSED, 0x3C0F00: REFUSED, 0x7D0F00: ALLOW}
    assert {one: answer("clone", one) for one in threads} == threads  # all; no CLONE_FILES, _FS, _THREAD; DETACHED
    keeps = {1: ALLOW, 6: ALLOW, 37: ALLOW, 38: REFUSED, 1024: REFUSED, 1026: REFUSED, 1030: ALLOW}
    assert {one: answer("fcntl", 3, one) for one in keeps} == keeps  # F_OFD_SETLKW, F_SETLEASE, F_NOTIFY
    assert answer("fallocate", 3, 0) == UNSUPPORTED
    # TCGETS, FIONBIO; FS_IOC_RESVSP64, FS_IOC_SETFLAGS, FIOSETOWN, SIOCGIFHWADDR
    requests = {0x5401: ALLOW, 0x5421: ALLOW, 0x4030582A: NO_TERMINAL, 0x40086602: NO_TERMINAL, 0x8901: NO_TERMINAL}
    assert {one: answer("ioctl", 3, one) for one in requests} == requests
    assert answer("ioctl", 3, 0x8912) == (ALLOW if network else NO_TERMINAL)  # SIOCGIFCONF


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filter_tells_nothing_of_others(machine: str) -> None:
    program = seccomp.build_filter(seccomp._MACHINES[machine], OWN_PID, REPORT)

    def answer(name: str, *arguments: int) -> int:
        return interpret(program, NUMBERS[machine][name], ARCHITECTURES[machine], *arguments)

    assert {answer(name) for name in ("inotify_init1", "inotify_add_watch", "listmount")} == {REFUSED}
    assert {answer(name) for name in ("getxattr", "llistxattr")} == {UNSUPPORTED}
    others = (0, OWN_PID, OWN_PID + 1, 1)
    assert [answer("getpgid", pid) for pid in others] == [ALLOW, ALLOW, REFUSED, REFUSED]
    assert [answer("getpriority", 0, pid) for pid in others] == [ALLOW, ALLOW, REFUSED, REFUSED]
    assert [answer("sched_getaffinity", pid) for pid in others] == [ALLOW, ALLOW, UNKNOWN, UNKNOWN]
    process, thread = ([~pid << 3 | kind for pid in others] for kind in (2, 6))
    assert [answer("clock_gettime", clock) for clock in process] == [ALLOW, ALLOW, INVALID, INVALID]
    assert {answer("clock_gettime", clock) for clock in (0, 1, 2, 3, 11, *thread)} == {ALLOW}
    assert (answer("prctl", 4, 0), answer("prctl", 3)) == (REFUSED, ALLOW)  # PR_SET_DUMPABLE, PR_GET_DUMPABLE
