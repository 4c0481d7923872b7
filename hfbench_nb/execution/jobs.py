"""Who measures what: the jobs of a run, done by one machine or shared by several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from hfbench_nb.execution.cancellation import Cancellation, Cancelled, measured_before
from hfbench_nb.execution.machines import ClusterGone, Machine, MachineGone, MachineLost, crashed
from hfbench_nb.execution.places import may_measure
from hfbench_nb.execution.rounds import Job, Rounds
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import warn
from hfbench_nb.protocol.measurement import Measurement

Measure = Callable[[Job, Machine], Measurement]
"""Measures the case of a job on a machine and waits for it; where there are several machines, in a thread of each."""

Record = Callable[[Job, Machine, Measurement], None]
"""Records what came back, in the thread of the run."""

# A case that has ended this many machines is not measured on another one.
_MOST_LOSSES = 2


class Claims:
    """Which machine measures which case: all rounds of a case are measured on one, as long as that is there.

    Parameters
    ----------
    owners
        The machine on which an earlier run has measured some rounds of a case.
    """

    def __init__(self, owners: dict[Case, str] | None = None) -> None:
        self._owners = dict(owners or {})

    def claim(self, case: Case, machine: str) -> bool:
        """Return whether a machine may measure a case; it is then the only one."""
        return may_measure(machine, case) and self._owners.setdefault(case, machine) == machine

    def release(self, machine: str, begun: Collection[Case] = ()) -> None:
        """Let others measure what a machine was to measure, but for what it has begun and may go on with."""
        for case in [case for case, owner in self._owners.items() if owner == machine and case not in begun]:
            del self._owners[case]


def do_jobs(
    machines: Sequence[Machine], rounds: Rounds, claims: Claims, measure: Measure, record: Record,
    cancellation: Cancellation,
) -> None:  # fmt: skip
    """Measure every case that is to be measured, in all of its rounds.

    Raises
    ------
    IsolationError
        If no machine is left.
    KeyboardInterrupt, Cancelled
        If the user stopped it; what was being measured is recorded as cancelled.
    """
    if len(machines) > 1:
        _Crew(machines, rounds, claims, measure, record, cancellation).work()
        return
    (machine,) = machines
    for job in rounds.jobs(lambda case: claims.claim(case, machine.name)):
        record(job, machine, _measured(job, machine, measure, record))


def _measured(job: Job, machine: Machine, measure: Measure, record: Record) -> Measurement:
    """Do a job on the only machine, which is asked once more where it was lost and is back."""
    try:
        try:
            return measure(job, machine)
        except MachineLost:
            return measure(job, machine)
    except MachineLost as error:
        return crashed(error)
    except (KeyboardInterrupt, Cancelled) as stop:
        record(job, machine, measured_before(stop))
        raise


class _Crew:
    """Several machines that do jobs at the same time, each in a thread that waits for it.

    Whatever is known of the run is read and written by the thread of the run alone.
    """

    def __init__(
        self, machines: Sequence[Machine], rounds: Rounds, claims: Claims, measure: Measure, record: Record,
        cancellation: Cancellation,
    ) -> None:  # fmt: skip
        self._machines = {machine.name: machine for machine in machines}
        self._rounds, self._claims, self._cancellation = rounds, claims, cancellation
        self._measure, self._record = measure, record
        self._jobs = {name: self._jobs_of(name) for name in self._machines}
        self._running: dict[Future[Measurement], tuple[Job, str]] = {}
        self._losses: Counter[Case] = Counter()
        self._gone: dict[str, MachineGone] = {}
        self._threads = ThreadPoolExecutor(len(self._machines), thread_name_prefix="hfbench-machine")

    def work(self) -> None:
        """Start a job on each machine whenever it is idle, until there is none left."""
        try:
            while self._give_jobs():
                for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                    self._take(future, *self._running.pop(future))
        except (KeyboardInterrupt, Cancelled):
            self._stop()
            raise
        except BaseException:
            self._cancellation.cancel()
            raise
        finally:
            self._threads.shutdown(wait=False)
        self._give_up_what_is_left()

    def _give_jobs(self) -> bool:
        """Start a job on each idle machine; return whether any machine measures."""
        busy = {name for _, name in self._running.values()}
        for name, machine in self._machines.items():
            if name in busy or name in self._gone:
                continue
            job = next(self._jobs[name], None)
            if job is None:  # what others have given back may be left
                self._jobs[name] = self._jobs_of(name)
                job = next(self._jobs[name], None)
            if job is not None:
                self._running[self._threads.submit(self._measure, job, machine)] = job, name
        return bool(self._running)

    def _take(self, future: Future[Measurement], job: Job, name: str) -> None:
        """Record what a machine has measured, or give its case back if the machine was lost."""
        try:
            measurement = future.result()
        except ClusterGone:
            raise
        except MachineGone as error:
            warn(f"{error} The run goes on without it.")
            self._gone[name] = error
            self._claims.release(name)
            return
        except MachineLost as error:
            self._losses[job.case] += 1
            if self._losses[job.case] < _MOST_LOSSES:
                self._claims.release(name, {case for case, *_ in self._rounds.finished()})
                return
            measurement = crashed(error)
        except Cancelled as stop:
            self._record(job, self._machines[name], measured_before(stop))
            raise
        self._record(job, self._machines[name], measurement)

    def _jobs_of(self, name: str) -> Iterator[Job]:
        return self._rounds.jobs(lambda case: self._claims.claim(case, name))

    def _stop(self) -> None:
        """End what is being measured, on every machine; a second interruption does not wait for it."""
        self._cancellation.cancel()
        for future in wait(self._running).done:
            job, name = self._running.pop(future)
            stop = future.exception()
            self._record(job, self._machines[name], future.result() if stop is None else measured_before(stop))

    def _give_up_what_is_left(self) -> None:
        """Make a row of each case that no machine is left for.

        Raises
        ------
        IsolationError
            If no machine is left at all.
        """
        left = list(self._rounds.jobs())
        finished = {case for case, *_ in self._rounds.finished()}
        if left and len(self._gone) == len(self._machines):
            raise next(iter(self._gone.values()))
        for job in left:
            host = next((name for name in self._gone if may_measure(name, job.case)), None)
            if job.case not in finished and host is not None:
                finished.add(job.case)
                self._record(job, self._machines[host], replace(crashed(self._gone[host]), status="error"))
