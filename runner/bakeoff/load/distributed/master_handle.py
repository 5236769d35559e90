"""The harness's handle on its master: many workers on other machines, as if they were one generator here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from bakeoff.load.distributed.protocol import Admission, Listening, Note
from bakeoff.load.distributed.sources import relative, terms_for
from bakeoff.load.generator import GeneratorError, GeneratorProcess
from bakeoff.load.messages import Ready, Report, Trouble, line
from bakeoff.model import Experiment, Scenario, UserError

JOIN_WITHIN_S = 300.0
"""How long a master waits for its workers, and a worker for its master."""

Say = Callable[[str], None]
_first_word = msgspec.json.Decoder(Listening | Trouble)
_any_word = msgspec.json.Decoder(Report | Note)


class JoinedWorkers(GeneratorProcess):
    """Workers that have joined, and the master's process, which they have joined.

    A slice is shared out among all that are left. One that ends within it makes it void (`GeneratorLost`).
    """

    def __init__(
        self,
        experiment: Experiment,
        workers: int,
        address: tuple[str, int],
        token: bytes,
        log: Path,
        say: Say,
        join_within_s: float = JOIN_WITHIN_S,
    ) -> None:
        """Listen at ``address`` (on a free port if it is 0), without waiting for ``workers``; ``say`` tells the user.

        Raises `UserError` when the address cannot be listened on.
        """
        self._root = Path(experiment.path).resolve().parent if experiment.path else Path.cwd()
        terms = terms_for(experiment.scenarios, self._root)
        super().__init__("bakeoff.load.distributed.master", (), log)
        host, port = address
        self._channel.sendall(
            line(
                Admission(host=host, port=port, token=token, workers=workers, join_within_s=join_within_s, terms=terms)
            )
        )
        self._say_to_user = say
        try:
            self.port = self._expect_listening().port
        except BaseException:
            self.close()
            raise
        say(f"waiting for workers ({workers}); on other machines: bakeoff worker --master {host}:{self.port}")

    def wait(self) -> None:
        """Wait until all have joined. Raises `UserError` when too few do in time."""
        self._expect(Ready)

    def use(self, scenario: Scenario) -> None:
        """Load a scenario everywhere, each worker its own copy. Raises `UserError` when it cannot be used."""
        if scenario.locustfile:
            path = relative(Path(scenario.locustfile), self._root)
            scenario = msgspec.structs.replace(scenario, locustfile=path)
        super().use(scenario)

    def _expect_listening(self) -> Listening:
        received = self._reports.readline()
        if not received:
            raise self._gone()
        said: Listening | Trouble = _first_word.decode(received)
        if isinstance(said, Trouble):
            raise UserError(said.message) if said.users_mistake else GeneratorError(said.message)
        return said

    def _lines(self) -> Iterable[bytes]:
        """What the master says to the harness; what it says to the user goes there."""
        for received in super()._lines():
            said = _any_word.decode(received)
            if isinstance(said, Note):
                self._say_to_user(said.text)
            else:
                yield received
