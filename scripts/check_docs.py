"""Fails when a Markdown file links to a file or heading that is not there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


def markdown_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def anchors(path: Path) -> set[str]:
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            title = line.lstrip("#").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def main() -> int:
    broken = []
    files = markdown_files()
    for file in files:
        text = CODE.sub("", file.read_text(encoding="utf-8"))
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            there = (file.parent / name).resolve() if name else file
            if not there.exists():
                broken.append(f"{file.relative_to(ROOT)}: {target} is not there")
            elif anchor and there.suffix == ".md" and anchor not in anchors(there):
                broken.append(f"{file.relative_to(ROOT)}: {target} has no such heading")
    if broken:
        print("\n".join(broken), file=sys.stderr)
        return 1
    print(f"docs: every link of {len(files)} files leads somewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
