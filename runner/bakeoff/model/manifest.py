"""What a run was, beside its records: what was asked, on which machine, and its timelines."""

from __future__ import annotations

from bakeoff.model.base import SCHEMA_VERSION, BackendName, Interface, Profile, RunState, Struct
from bakeoff.model.experiment import Experiment

INTERPRETER = "interpreter of {}"
"""The fact of a run's place that tells what a stack runs on."""


class Step(Struct, frozen=True, kw_only=True):
    """One step of a recipe, in seconds since both requests of a timeline were sent."""

    name: str
    start_s: float
    end_s: float


class TimelineRequest(Struct, frozen=True, kw_only=True):
    """One request of a timeline: its steps in the order in which they ran."""

    endpoint: str
    steps: tuple[Step, ...]


class Timeline(Struct, frozen=True, kw_only=True):
    """A cake and a frosting sent at the same moment to one stack with one worker."""

    stack: str
    interface: Interface
    requests: tuple[TimelineRequest, ...]
    failure: str | None = None


class Machine(Struct, frozen=True, kw_only=True):
    """The facts of a machine that results depend on."""

    hostname: str
    system: str
    kernel: str
    cpu_model: str
    cores: int
    memory_bytes: int
    python: str
    server_cpus: tuple[int, ...]
    generator_cpus: tuple[int, ...]
    versions: dict[str, str]
    physical_cores: tuple[tuple[int, ...], ...] = ()
    """The CPUs that Bakeoff may use, those of one physical core together; empty where that was not recorded."""
    cpu_quota: float | None = None
    """CPU seconds a second that its control group allows Bakeoff and its servers; ``None`` where that is no limit."""
    warnings: tuple[str, ...] = ()
    """What makes this machine a worse place to measure, each with a remedy."""

    @property
    def usable_cpus(self) -> int:
        """How many CPUs Bakeoff may use."""
        return sum(map(len, self.physical_cores)) or len(self.server_cpus) + len(self.generator_cpus) or 1

    @property
    def shares_a_core(self) -> bool:
        """Whether a server and a generator are threads of one physical core."""
        return any(
            set(core) & set(self.server_cpus) and set(core) & set(self.generator_cpus) for core in self.physical_cores
        )


class Environment(Struct, frozen=True, kw_only=True):
    """What is installed where a stack runs."""

    python: str
    """The interpreter and its version: ``Python 3.13.1``."""
    packages: dict[str, str]
    """Versions by normalized name; with the commit of what came from a repository."""
    contents: dict[str, str] = {}
    """A digest of the files of each package, which two builds of one version, or of a local project, differ in."""
    editable: dict[str, str] = {}
    """Directories, by package, whose files are imported where they lie."""
    path: str = ""
    """Of the interpreter, as it is called."""


class Code(Struct, frozen=True, kw_only=True):
    """The code of an app, as far as it can be told from another's; `bakeoff.stacks.code` says which files count."""

    sha256: str | None = None
    files: int = 0
    reason: str | None = None
    """Why there is no digest."""


class LoadOrigin(Struct, frozen=True, kw_only=True):
    """Where the load came from."""

    generators: int
    """How many processes generated it."""
    workers: tuple[Machine, ...] = ()
    """The machine of each process that joined as a worker; empty for processes of this machine."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What was asked, with which seed, where and when: the content of ``manifest.json``."""

    run_id: str
    experiment: Experiment
    profile: Profile
    seed: int
    machine: Machine
    state: RunState
    started_utc: str
    finished_utc: str | None = None
    error: str | None = None
    timelines: tuple[Timeline, ...] = ()
    locustfile_sha256: dict[str, str] = {}
    """Of each scenario that is a Locust file, by its name: its path alone does not say what clients did."""
    resumed_utc: tuple[str, ...] = ()
    """When an interrupted run was taken up again."""
    backend: BackendName = "local"
    place: dict[str, str] = {}
    """What is to be known of where the stacks ran: container engine, images."""
    environments: dict[str, Environment] = {}
    """What is installed for each stack that Bakeoff started, by its name. An image without Python has none."""
    load_origin: LoadOrigin | None = None
    """``None`` in runs of earlier versions, which recorded neither this nor what follows."""
    images: dict[str, str] = {}
    """The ids of the images that a stack ran in and beside, by stack; of stacks that are containers."""
    code: dict[str, Code] = {}
    """By stack; of all that Bakeoff started."""
    schema_version: int = SCHEMA_VERSION

    @property
    def server_cores(self) -> float:
        """The CPU seconds that all servers can use in a second: their CPUs, or fewer by a quota.

        Containers are in control groups of their own, to which Bakeoff's quota does not apply.
        """
        cpus = len(self.machine.server_cpus) or self.machine.usable_cpus
        quota = self.machine.cpu_quota if self.backend == "local" else None
        return cpus if quota is None else min(cpus, quota)
