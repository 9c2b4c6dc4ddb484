#!/usr/bin/env python3
"""Makes build/gen/index/text/word_break.h from the Unicode Character Database.

usage: gen_word_break.py UCD_FOLDER OUTPUT

One byte for each code point: the Word_Break class in the low five bits, then
    PICTOGRAPH  Extended_Pictographic (emoji-data.txt), which rule WB3c needs;
    RUN         a letter of a script that is written without spaces;
    LETTER      a letter or number (General_Category L* or N*).
RUN is every letter (L*, Nl) that WordBreakProperty.txt leaves in the class Other, and Katakana:
Han, Hiragana, Thai, Lao, Khmer, Myanmar and their like. UAX #29 says of just these that finding
words needs a dictionary, so the index takes overlapping pairs of them instead.

The bytes are stored as a two-stage table: the first stage names, for each block of code points,
one of the distinct blocks of the second. 256 code points a block take 2 644 bytes gzipped; blocks of 128
or 512 are no smaller, and sorted ranges take 2 798 and a binary search for each character.
"""
import re
import sys
from pathlib import Path

CLASSES = [
    "Other", "CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Regional_Indicator", "Katakana",
    "Hebrew_Letter", "ALetter", "MidLetter", "MidNum", "MidNumLet", "Single_Quote",
    "Double_Quote", "Numeric", "ExtendNumLet", "WSegSpace",
]
CLASS_BITS = 5
PICTOGRAPH, RUN, LETTER = 0x20, 0x40, 0x80
BLOCK_BITS = 8
CODE_POINTS = 0x110000


def ranges(path):
    """Yields (first, last, property) of the lines 'XXXX..YYYY ; Property # comment'."""
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*(\w+)", line)
        if match:
            first = int(match[1], 16)
            yield first, int(match[2] or match[1], 16), match[3]


def categories(path):
    """Yields (first, last, general category) of UnicodeData.txt, whose ranges are two lines."""
    begin = None
    for line in path.read_text(encoding="utf-8").splitlines():
        code, name, category = line.split(";")[:3]
        if name.endswith(", First>"):
            begin = int(code, 16)
            continue
        yield begin if begin is not None else int(code, 16), int(code, 16), category
        begin = None


def properties(ucd):
    table = bytearray(CODE_POINTS)
    for first, last, name in ranges(ucd / "auxiliary" / "WordBreakProperty.txt"):
        table[first:last + 1] = bytes([CLASSES.index(name)]) * (last + 1 - first)
    for first, last, name in ranges(ucd / "emoji" / "emoji-data.txt"):
        if name == "Extended_Pictographic":
            for code in range(first, last + 1):
                table[code] |= PICTOGRAPH
    for first, last, category in categories(ucd / "UnicodeData.txt"):
        if category[0] not in "LN":
            continue
        letter = category[0] == "L" or category == "Nl"
        for code in range(first, last + 1):
            word_class = table[code] & ((1 << CLASS_BITS) - 1)
            table[code] |= LETTER
            if word_class == CLASSES.index("Katakana") or (word_class == 0 and letter):
                table[code] |= RUN
    return table


def two_stage(table):
    size = 1 << BLOCK_BITS
    blocks, order, stage1 = {}, [], []
    for start in range(0, CODE_POINTS, size):
        block = bytes(table[start:start + size])
        if block not in blocks:
            blocks[block] = len(order)
            order.append(block)
        stage1.append(blocks[block])
    # The last index is repeated up to U+10FFFF: cut there, and let the reader clamp.
    while len(stage1) > 1 and stage1[-1] == stage1[-2]:
        stage1.pop()
    assert len(order) <= 256
    return stage1, b"".join(order)


def array(name, values):
    lines = [f"static const uint8_t {name}[{len(values)}] = {{"]
    for start in range(0, len(values), 24):
        lines.append("    " + ",".join(str(v) for v in values[start:start + 24]) + ",")
    return "\n".join(lines + ["};"])


def main():
    ucd, output = Path(sys.argv[1]), Path(sys.argv[2])
    version = (ucd / "auxiliary" / "WordBreakProperty.txt").read_text().splitlines()[0]
    stage1, stage2 = two_stage(properties(ucd))
    names = [f"    WB_{name.upper()} = {i}," for i, name in enumerate(CLASSES)]
    text = f"""/* word_break.h - made by tools/gen_word_break.py from {version.strip('# ')}. */
#ifndef ST_GEN_WORD_BREAK_H
#define ST_GEN_WORD_BREAK_H

#include <stdint.h>

enum {{
{chr(10).join(names)}
    WB_CLASS_MASK = {(1 << CLASS_BITS) - 1},
    WB_PICTOGRAPH = {PICTOGRAPH},
    WB_RUN = {RUN},
    WB_LETTER = {LETTER},
    WB_BLOCK_BITS = {BLOCK_BITS},
    WB_BLOCKS = {len(stage1)}, /* code points above these have the last block's properties */
}};

{array("wb_stage1", stage1)}
{array("wb_stage2", list(stage2))}

#endif
"""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
