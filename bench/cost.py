"""What running a program costs: wall time, and CPU time with all that it started and waited for."""

import os
import statistics
import time
from dataclasses import dataclass


class ProgramFailed(Exception):
    """A program that is measured did not do what it is measured for."""


@dataclass(frozen=True)
class Program:
    """A program to run.

    Args:
        command: The program and its arguments; the program is an absolute path.
        environ: Its whole environment.
        code: The exit code that says it did its work.
    """

    command: tuple[str, ...]
    environ: dict[str, str]
    code: int = 0


@dataclass(frozen=True)
class Cost:
    """Medians over all runs, in milliseconds."""

    wall_ms: float
    cpu_ms: float


def measure(programs: dict[str, list[Program]], runs: int) -> dict[str, list[Cost]]:
    """Run every list of programs `runs` times, in turns, so that a busy moment hits all alike.

    Args:
        programs: For each name the programs of one round, in their order.
        runs: The number of rounds that count; one more before them warms the caches.

    Returns:
        For each name the costs of its programs, in their order.

    Raises:
        ProgramFailed: An exit code was not the expected one.
    """
    samples: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in programs}
    for _ in range(runs + 1):
        for name, of_round in programs.items():
            samples[name].append([run_once(program) for program in of_round])
    return {
        name: [_median([each[i] for each in rounds[1:]]) for i in range(len(rounds[0]))]
        for name, rounds in samples.items()
    }


def _median(samples: list[tuple[float, float]]) -> Cost:
    wall, cpu = (statistics.median(column) * 1000 for column in zip(*samples, strict=True))
    return Cost(wall, cpu)


def run_once(program: Program) -> tuple[float, float]:
    """Run a program once and return its seconds of wall time and of CPU time.

    Raises:
        ProgramFailed: Its exit code was not the expected one.
    """
    null = os.devnull
    begin = time.perf_counter()
    pid = os.posix_spawn(
        program.command[0],
        program.command,
        program.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, null, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, null, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, null, os.O_WRONLY, 0),
        ],
    )
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    code = os.waitstatus_to_exitcode(status)
    if code != program.code:
        raise ProgramFailed(f"{' '.join(program.command)} exited with {code}, not {program.code}")
    return wall, usage.ru_utime + usage.ru_stime
