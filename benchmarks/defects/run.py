"""Score the audit on labelled defects: python benchmarks/defects/run.py ../shared/data/defects.

Audits every DIR/*.train.jsonl against its .validation.jsonl, validates DIR/*.bad.jsonl,
writes the findings as {"file", "line", "type", "severity"} and has DIR/score.py compare
them with the labels, by the map of rules to labels beside this program.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_kit import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune_kit.datasets.findings import Finding

MAP = Path(__file__).with_name("map.json")
MODEL = "gpt-4.1-mini-2025-04-14"


def main() -> None:
    """Audit, score and print."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/defects")
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp()) / "findings.jsonl"
    found = list(findings(directory))
    out.write_text("".join(json.dumps(finding) + "\n" for finding in found))
    print_clean_lines(directory, found)
    command = [sys.executable, directory / "score.py", directory, out, "--map", MAP, "--json", out.with_suffix(".json")]
    subprocess.run(command, check=True)  # noqa: S603 - the score of the labels that were asked for


def findings(directory: Path) -> Iterator[dict[str, object]]:
    """Yield what the kit finds in every file of the benchmark."""
    for path in sorted([*directory.glob("*.train.jsonl"), *directory.glob("*.bad.jsonl")]):
        start = time.process_time()
        held_out_path = path.with_name(path.name.replace(".train.", ".validation."))
        if ".bad." in path.name:
            found = Dataset.read(path, method="supervised").validate(MODEL).findings
        else:
            method = "dpo" if path.name.startswith("dpo") else "supervised"
            held_out = Dataset.read(held_out_path, method=method) if held_out_path.exists() else None
            report = Dataset.read(path, method=method).audit(held_out=held_out)
            found = report.findings
            skipped = [str(check) for check in report.checks if check.state == "not run"]
            print(f"{path.name}: {time.process_time() - start:.1f} s of CPU", *skipped, sep="\n  ")
        yield from (row for finding in found for row in _rows(finding, path.name))


def _rows(finding: Finding, file: str) -> Iterator[dict[str, object]]:
    name = Path(finding.path).name if finding.path else file
    yield {"file": name, "line": finding.line, "type": finding.rule, "severity": finding.severity}


def print_clean_lines(directory: Path, found: list[dict[str, object]]) -> None:
    """Print the share of lines without a label that the kit flags, by file, severity and rule."""
    records = [json.loads(line) for line in (directory / "labels.jsonl").read_text().splitlines()]
    labelled = {(record["file"], record["line"]) for record in records}
    labelled |= {(record["related_file"], record["related_line"]) for record in records if "related_line" in record}
    scope = json.loads((directory / "scope.json").read_text())
    names = {kind: set(json.loads(MAP.read_text()).get(kind, ())) for kind in {str(row["type"]) for row in found}}
    for severity in ("error", "warning", "hint"):
        lines = {
            (row["file"], row["line"], row["type"])
            for row in found
            if row["severity"] == severity
            and row["line"] is not None
            and (row["file"], row["line"]) not in labelled
            and names[str(row["type"])] & set(scope.get(str(row["file"]), ()))
        }
        n_lines = len({line[:2] for line in lines})
        print(f"clean lines flagged with a {severity}: {n_lines}", dict(Counter(line[2] for line in lines)))


if __name__ == "__main__":
    main()
