"""ops_def.py - the table of operations as one text: core/api/ops.def with what it includes."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def text():
    whole = (ROOT / "core/api/ops.def").read_text(encoding="utf-8")
    return re.sub(
        r'^#include "(.*)"$',
        lambda found: (ROOT / "core" / found.group(1)).read_text(encoding="utf-8"),
        whole,
        flags=re.MULTILINE,
    )
