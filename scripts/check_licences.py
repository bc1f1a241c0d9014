"""Fails when a runtime dependency is GPL-only or says nothing; writes the third-party notices.

    python scripts/check_licences.py [--write]

The dependencies are those that requirements.lock pins; what only tests and bundling need is not
shipped and may have any free licence.
"""

import re
import sys
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[1]
NOTICES = ROOT / "THIRD_PARTY_NOTICES.md"

ACCEPTED = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|LGPL|Lesser General Public|"
    r"HPND|Zlib|Unlicense|0BSD|CC0|CNRI|Public Domain)",
    re.IGNORECASE,
)
# Some packages bring the text and no name: known by a sentence of it.
PHRASES = {
    "without any express or implied": "Zlib",
    "Permission is hereby granted, free of charge": "MIT",
    "Redistribution and use in source and binary forms": "BSD",
}
NEVER = {"smllib", "gurux-dlms", "pyside6-addons", "pyside6"}
FONTS = (
    ("Inter", "SIL Open Font License 1.1", "resources/fonts/Inter-OFL.txt"),
    ("JetBrains Mono", "SIL Open Font License 1.1", "resources/fonts/JetBrainsMono-OFL.txt"),
    ("Material Design Icons (by QtAwesome)", "Apache License 2.0", ""),
    ("Phosphor Icons (by QtAwesome)", "MIT", ""),
)


def pinned() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [line.split("==")[0] for line in lines if "==" in line]


def licence_of(found: Distribution) -> str:
    """The licence as the package states it: expression, classifier, field, or its file's title."""
    meta: Message = cast(Message, found.metadata)
    expression = meta.get("License-Expression")
    if expression:
        return expression
    classifiers = [
        c.rsplit("::", 1)[-1].strip()
        for c in meta.get_all("Classifier") or []
        if c.startswith("License ::") and not c.endswith("OSI Approved")
    ]
    if classifiers:
        return "; ".join(classifiers)
    stated = (meta.get("License") or "").strip().splitlines()
    if stated and stated[0].strip():
        return stated[0].strip()[:80]
    for file in found.files or []:
        if "licen" in file.name.lower():
            text = Path(str(file.locate())).read_text(encoding="utf-8", errors="replace")
            flat = " ".join(text.split())
            for phrase, name in PHRASES.items():
                if phrase in flat:
                    return f"{name} (by its licence file)"
    return "not stated"


def main() -> int:
    rows: list[tuple[str, str, str]] = []
    wrong: list[str] = []
    for name in pinned():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            wrong.append(f"{name}: pinned but not installed; run `make setup`")
            continue
        licence = licence_of(found)
        rows.append((name, found.version, licence))
        if name.lower() in NEVER or not ACCEPTED.search(licence):
            wrong.append(f"{name} {found.version}: {licence!r} may not be shipped with MIT code")
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if "--write" in sys.argv:
        NOTICES.write_text(notices(rows), encoding="utf-8")
        print(f"{NOTICES.name}: {len(rows)} packages")
        return 0
    if not NOTICES.exists() or NOTICES.read_text(encoding="utf-8") != notices(rows):
        print(f"{NOTICES.name} is out of date: run `make notices`", file=sys.stderr)
        return 1
    print(f"licences: {len(rows)} packages, all free to ship")
    return 0


def notices(rows: list[tuple[str, str, str]]) -> str:
    lines = [
        "# Third-party notices",
        "",
        "Generated from package metadata by `make notices`. energy_desktop itself is MIT.",
        "Qt and PySide6 are used under the LGPL: the program ships as one folder in which the Qt",
        "libraries are separate files and may be replaced.",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *(f"| {name} | {version} | {licence} |" for name, version, licence in sorted(rows)),
        "",
        "## Fonts and icons",
        "",
        "| what | licence | text |",
        "|---|---|---|",
        *(f"| {name} | {licence} | {file} |" for name, licence, file in FONTS),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
