"""This service beside other servers that speak SQS: requests per second, CPU and latency, in one run.

    python -m benchmarks.peers [--rounds 3] [--seconds 3] [--connections 32] [--only NAMES] [--install FOLDER]
                               [--client wrk|lean] [--busy-loops 2] [--json FILE]

Starts the peers that are installed, and this service in memory and with fsync, with one worker and with two. Each runs
an unrecorded round to warm up; then the servers take turns, so that other load on the machine affects all alike.
Requests are the JSON protocol's, with bodies of 200 bytes; cycle/s counts the requests of a mix in which each message
is sent, received and deleted. ``--install`` fetches peers that are missing into FOLDER, which is kept for the next run.
``--only`` takes names with commas: elasticmq, fauxqs, ministack, moto, localstack, sqs-facade, or one form of it such
as sqs-facade/memory/1 (durability, workers).

The yardsticks are a server that is nothing but HTTP, and a function in this service's Valkey that only does HINCRBY,
HSET and ZADD with a record of the same bytes, called once for each message, with as many calls in one write as the
service serves sends in one turn of Valkey's loop. The last table compares the CPU of this service with them. CPU is
what the operating system counted for all processes of a server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.peers import table
from benchmarks.peers.drivers import Target, driver
from benchmarks.peers.installing import Missing
from benchmarks.peers.phases import Phases, target_of
from benchmarks.peers.servers import PEERS
from benchmarks.peers.table import Sample
from benchmarks.peers.yardsticks import StoreFunction, bare_http
from benchmarks.processes import end_on_sigterm
from benchmarks.service import Service, serving

_BARE = "nothing but HTTP (uvloop + httptools)"
#: Of this service, by the name for ``--only``: durability and workers.
_FORMS = {f"sqs-facade/{mode}/{workers}": (mode, workers) for mode in ("memory", "fsync") for workers in (1, 2)}
#: Between two servers: the first one may still be deleting queues.
_PAUSE_SECONDS = 0.5


#: What one round measured: by server, then by phase.
Round = dict[str, dict[str, Sample]]


def _row_of_function(title: str) -> str:
    return f"function in Valkey, {title.removeprefix('sqs-facade, ')}"


@dataclass
class Comparison:
    """The servers that run, and their samples: by server, then by phase, one of each round."""

    phases: Phases
    loops: int
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    turns: dict[str, Callable[[str], Round]] = field(default_factory=dict)
    peers: list[str] = field(default_factory=list)
    #: Of each form of this service: the function in its Valkey, and in each round the sends and calls in a turn of
    #: Valkey's loop.
    functions: dict[str, StoreFunction] = field(default_factory=dict)
    per_turn: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add_bare(self, service: Service) -> None:
        self.turns[_BARE] = lambda _: {_BARE: self.phases.requests_alone(Target(service.url), service)}

    def add_peer(self, title: str, service: Service) -> None:
        target = target_of(service.url)

        def turn(name: str) -> Round:
            service.workers = service.main.children(recursive=True)  # it may have started others since
            return {title: self.phases.of_peer(target, service, name)}

        self.turns[title] = turn
        self.peers.append(title)

    def add_facade(self, title: str, service: Service, function: StoreFunction) -> None:
        self.functions[title] = function
        target = target_of(service.url)

        def turn(name: str) -> Round:
            function.begin()
            own = self.phases.of_facade(target, service, name, loops=self.loops, after_send=function.end)
            return {title: own, _row_of_function(title): {"send": function.measured(self.phases.seconds)}}

        self.turns[title] = turn

    def round(self, name: str) -> Round:
        """Let each server take its turn. A peer that fails is left out from then on."""
        measured: Round = {}
        for title, turn in list(self.turns.items()):
            try:
                measured |= turn(name)
            except (OSError, RuntimeError) as failed:
                if title not in self.peers:
                    raise
                print(f"{title} is not compared: it fails under load. {failed}", file=sys.stderr)
                self.peers.remove(title)
                del self.turns[title]
                self.samples.pop(title, None)
            time.sleep(_PAUSE_SECONDS)
        return measured

    def record(self, measured: Round) -> None:
        for server, phases in measured.items():
            for phase, sample in phases.items():
                self.samples.setdefault(server, {}).setdefault(phase, []).append(sample)
        for title, function in self.functions.items():
            self.per_turn[title].append((function.requests_per_turn, function.calls_per_turn))


def main() -> int:
    options = _options()
    end_on_sigterm()
    with contextlib.ExitStack() as processes:
        folder = Path(processes.enter_context(tempfile.TemporaryDirectory(prefix="sf")))
        client = driver(options.client)
        phases = Phases(client, options.connections, client.length(options.seconds), folder)
        comparison = Comparison(phases, options.busy_loops)
        _start(comparison, options, folder, processes)
        for number in range(options.rounds + 1):
            print(f"round {number} of {options.rounds}" if number else "warming up", file=sys.stderr)
            measured = comparison.round(f"round-{number}")
            if number:
                comparison.record(measured)
    _report(comparison, options)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each phase; wrk counts whole seconds")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", type=_names, metavar="NAMES")
    parser.add_argument("--install", type=lambda folder: Path(folder).absolute(), metavar="FOLDER")
    parser.add_argument("--client", choices=["wrk", "lean"], help="default: wrk where it is installed")
    parser.add_argument("--busy-loops", type=int, default=2, help="processes beside one more phase of sends; 0: none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    """Split the value of ``--only``."""
    names = text.split(",")
    servers = [*(peer.name for peer in PEERS), *_FORMS]
    if unknown := [name for name in names if not any(_is_chosen([name], server) for server in servers)]:
        raise argparse.ArgumentTypeError(f"no server has the name {', '.join(unknown)}")
    return names


def _start(comparison: Comparison, options: argparse.Namespace, folder: Path, processes: contextlib.ExitStack) -> None:
    """Start all servers of a comparison. Name each one that is left out, and why."""
    for peer in PEERS:
        if not _is_chosen(options.only, peer.name):
            continue
        try:
            command = peer.find(options.install)
            service = processes.enter_context(peer.serving(command, folder / peer.name))
            comparison.add_peer(peer.title, service)
        except Missing as missing:
            print(f"{peer.name} is not compared. {missing}", file=sys.stderr)
        except (RuntimeError, OSError) as failed:
            print(f"{peer.name} is not compared: it does not start. {failed}", file=sys.stderr)
    for name, (durability, workers) in _FORMS.items():
        if _is_chosen(options.only, name):
            service = processes.enter_context(serving(durability, workers=workers))
            function = StoreFunction(service.valkeys)
            processes.callback(function.close)
            comparison.add_facade(f"sqs-facade, {durability}, {workers} worker{'s'[: workers - 1]}", service, function)
    try:
        comparison.add_bare(processes.enter_context(bare_http(folder)))
    except ImportError as missing:
        print(f"{_BARE} is not measured: pip install {missing}", file=sys.stderr)


def _is_chosen(only: list[str] | None, name: str) -> bool:
    return only is None or any(name == one or name.startswith(f"{one}/") for one in only)


def _report(comparison: Comparison, options: argparse.Namespace) -> None:
    samples = comparison.samples
    servers = {name: samples[name] for name in [*comparison.functions, *comparison.peers]}
    yardsticks = {name: phases for name, phases in samples.items() if name not in servers}
    client = type(comparison.phases.driver).__name__.lower()
    seconds = f"{comparison.phases.seconds:g} s"
    print(f"{client}, {options.connections} connections, medians of {options.rounds} rounds of {seconds}\n")
    print(table.medians({**servers, **yardsticks}), end="\n\n")
    if comparison.peers:
        print(table.ratios(servers, comparison.peers), end="\n\n")
    if comparison.functions:
        functions = {title: _row_of_function(title) for title in comparison.functions}
        bare = _BARE if _BARE in samples else None
        print(table.cpu_ratios(samples, facades=list(functions), bare=bare, functions=functions), end="\n\n")
        for title, counts in comparison.per_turn.items():
            requests, calls = (median(column) for column in zip(*counts, strict=True))
            print(f"{title}: {requests:.1f} sends in a turn of Valkey, by {calls:.1f} calls")
    for line in table.errors(samples):
        print(line)
    if options.json:
        kept = {
            name: {phase: [asdict(one) for one in rounds] for phase, rounds in phases.items()}
            for name, phases in samples.items()
        }
        options.json.write_text(
            json.dumps({"samples": kept, "sends_and_calls_per_turn": comparison.per_turn}, indent=1)
        )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
