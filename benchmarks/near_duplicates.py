"""How fast duplicates are found among many texts, and how many of them: CPU seconds, each candidate in its own process.

    python benchmarks/near_duplicates.py DIRECTORY NAME

reads DIRECTORY/NAME.jsonl (lines of `id` and `text`) and DIRECTORY/NAME.truth.pkl, as the generator of labelled
duplicates writes them: {id: (id of the source, "exact" | "norm" | "near", Jaccard similarity of word 3-grams)}.
datasketch, the peer, is not needed by the kit: without it, its line says so. Give --without datasketch for a million
texts, of which it would take minutes.
"""

from __future__ import annotations

import argparse
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson


def texts_of(path: Path) -> list[str]:
    with path.open("rb") as lines:
        return [orjson.loads(line)["text"] for line in lines]


def read_only(path: Path) -> list[tuple[int, int]]:
    texts_of(path)
    return []


def kit_near(path: Path) -> list[tuple[int, int]]:
    from finetune_kit.datasets.near_duplicates import near_pairs

    return [pair[:2] for pair in near_pairs(texts_of(path))]


def datasketch_near(path: Path) -> list[tuple[int, int]]:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=0.7, num_perm=128)
    pairs = []
    for number, text in enumerate(texts_of(path)):
        words = text.lower().split()
        sketch = MinHash(num_perm=128)
        sketch.update_batch({" ".join(words[at : at + 3]).encode() for at in range(max(1, len(words) - 2))})
        pairs += [(int(other), number) for other in index.query(sketch)]
        index.insert(str(number), sketch)
    return pairs


def kit_exact(path: Path) -> list[tuple[int, int]]:
    from finetune_kit import Dataset

    removed = Dataset.read(path, method="supervised").deduplicate().removed
    return [(one.like.line - 1, one.place.line - 1) for one in removed]


def digests_only(path: Path) -> list[tuple[int, int]]:
    from hashlib import blake2b

    first: dict[bytes, int] = {}
    with path.open("rb") as lines:
        firsts = [first.setdefault(blake2b(line, digest_size=16).digest(), number) for number, line in enumerate(lines)]
    return [(one, number) for number, one in enumerate(firsts) if one != number]


CANDIDATES: dict[str, Callable[[Path], list[tuple[int, int]]]] = {
    "read": read_only,
    "kit": kit_near,
    "datasketch": datasketch_near,
    "exact": kit_exact,
    "digests": digests_only,
}
OF_ROWS = ("exact", "digests")


def run_candidate(name: str, path: Path, out: Path) -> None:
    started = time.process_time()
    pairs = CANDIDATES[name](path)
    seconds = time.process_time() - started
    megabytes = peak_megabytes()
    out.write_bytes(pickle.dumps({"seconds": seconds, "megabytes": megabytes, "pairs": pairs}))


def peak_megabytes() -> float:
    """Return the most memory that was resident; ru_maxrss would count what the parent had before this began."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def measured(name: str, path: Path, directory: Path) -> dict[str, object] | None:
    out = directory / f"{name}.pkl"
    command = [sys.executable, __file__, str(path), name, "--candidate", str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - this program
    if done.returncode:
        print(f"{name:<12} not run: {done.stderr.strip().splitlines()[-1]}")
        return None
    return pickle.loads(out.read_bytes())  # noqa: S301 - our own


def recalls(pairs: Iterable[tuple[int, int]], truth: dict[int, tuple[int, str, float]], n_texts: int) -> str:
    leader = list(range(n_texts))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for one, other in pairs:
        first, second = sorted((find(one), find(other)))
        leader[second] = first
    found: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for number, (source, kind, jaccard) in truth.items():
        name = kind if kind != "near" else f"J{min(int(jaccard * 10), 9) / 10:.1f}"
        whole[name] += 1
        found[name] += find(number) == find(source)
    return " ".join(f"{name} {found[name] / whole[name]:.3f}" for name in sorted(whole) if name >= "J0.7")


def as_chats(path: Path, directory: Path) -> Path:
    """Write the texts as examples, whose copies are equal rows."""
    chats = directory / "chats.jsonl"
    with chats.open("wb") as file:
        for text in texts_of(path):
            messages = [{"role": "user", "content": text}, {"role": "assistant", "content": "seen"}]
            file.write(orjson.dumps({"messages": messages}) + b"\n")
    return chats


def main(arguments: argparse.Namespace) -> None:
    path = Path(arguments.directory) / f"{arguments.name}.jsonl"
    truth_path = path.with_suffix(".truth.pkl")
    for needed in (path, truth_path):
        if not needed.is_file():
            sys.exit(f"{needed} is missing: make it with the generator of labelled duplicates")
    truth = pickle.loads(truth_path.read_bytes())  # noqa: S301 - what the generator wrote
    with path.open("rb") as lines:
        n_texts = sum(1 for _ in lines)
    print(f"{n_texts:,} texts, {path.stat().st_size / 1e6:.0f} MB")
    with tempfile.TemporaryDirectory() as name:
        chats = as_chats(path, Path(name))
        for candidate in CANDIDATES:
            if candidate in arguments.without:
                continue
            runs = [
                measured(candidate, chats if candidate in OF_ROWS else path, Path(name))
                for _ in range(arguments.best_of)
            ]
            done = [run for run in runs if run]
            if not done:
                continue
            best = min(done, key=lambda run: run["seconds"])
            recall = recalls(best["pairs"], truth, n_texts) if best["pairs"] else ""
            print(f"{candidate:<12} {best['seconds']:8.2f} CPU s {best['megabytes']:7.0f} MB  {recall}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="where the generator wrote")
    parser.add_argument("name", help="dedup100k, say")
    parser.add_argument("--without", nargs="*", default=[], choices=list(CANDIDATES), help="candidates to leave out")
    parser.add_argument("--best-of", type=int, default=2)
    parser.add_argument("--candidate", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.candidate:
        run_candidate(given.name, Path(given.directory), Path(given.candidate))
    else:
        main(given)
