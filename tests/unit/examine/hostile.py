"""Dockerfiles with every kind of fault that one meets, or that somebody thinks of, as bytes by name."""

from __future__ import annotations

import codecs

_DEEP = 1200  # levels, more than Python's stack has
_LONG = 250  # stages

DOCKERFILES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \t\n\r\n",
    "comments alone": b"# a\n#b\n",
    "a byte order mark alone": codecs.BOM_UTF8,
    "UTF-16": "FROM a\n".encode("utf-16"),
    "UTF-32": "FROM a\n".encode("utf-32"),
    "zeroes": b"\0" * 1000,
    "a zero in a line": b"FROM a\nRUN a\0b\n",
    "a program": b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40,
    "a gzip": b"\x1f\x8b\x08\x00" + bytes(range(255, -1, -1)),
    "Latin-1 in a comment": b"# caf\xe9\nFROM a\n",
    "Latin-1 in a command": b"FROM a\nRUN echo caf\xe9\n",
    "half a character at the end": b"FROM a\nRUN echo \xe2\x82",
    "lines of Windows": b"FROM a\r\nCOPY . .\r\nRUN a \\\r\n  b\r\n",
    "lines of old Macs": b"FROM a\rRUN b\r",
    "a byte order mark and lines of Windows": codecs.BOM_UTF8 + b"FROM a\r\nRUN b\r\n",
    "letters that look like spaces": "FROM\u00a0a\nRUN\u2003b\u2028c\nCOPY\u3000. .\n".encode(),
    "keywords in other alphabets": "FR\u039fM a\n\uff26\uff32OM b\nfrom a\nRUN x\n".encode(),
    "a script's first line": b"#!/usr/bin/env docker\n# escape=`\nFROM a\nRUN x `\n y\n",
    "one huge line": b"FROM a\nRUN echo " + b"x" * 200_000 + b"\n",
    "many words": b"FROM a\nRUN echo" + b" && b c" * 3_000 + b"\n",
    "many continued lines": b"FROM a\nRUN a" + b" \\\n b" * 3_000 + b"\n",
    "many stages": b"".join(b"FROM a AS s%d\nRUN x\n" % n for n in range(1000)),
    "a long chain of stages": b"FROM a AS s0\n"
    + b"".join(b"FROM s%d AS s%d\nRUN npm ci\n" % (n, n + 1) for n in range(_LONG))
    + b"FROM a\nCOPY --from=s%d /x/node_modules /y\n" % _LONG,
    "a long chain of copies": b"FROM a AS s0\n"
    + b"".join(b"FROM a AS s%d\nCOPY --from=s%d x y\n" % (n + 1, n) for n in range(_LONG)),
    "a copy of itself": b"FROM a AS s\nCOPY --from=s /x /y\n",
    "stages in a circle": b"FROM a AS s\nCOPY --from=t /x /y\nFROM a AS t\nCOPY --from=s /x /y\n",
    "stages in a circle by FROM": b"FROM t AS s\nFROM s AS t\nFROM t AS s\nFROM s AS t\n",
    "a mount in a circle": b"FROM a AS s\nRUN --mount=from=s,target=/x b\n",
    "a stage of its own name": b"FROM a AS a\nFROM a AS a\nFROM a\n",
    "numbers that are no stage": b"FROM a\nCOPY --from=99 x y\nCOPY --from=-1 x y\nCOPY --from=+0 x y\n"
    b"COPY --from=99999999999999999999999 x y\nCOPY --from=\xd9\xa1 x y\n",
    "an empty source": b"FROM a\nCOPY --from= x y\nRUN --mount=from= b\nCOPY --from x y\nCOPY\nADD a\n",
    "no FROM": b"RUN x\n",
    "ARG alone": b"ARG X=1\n",
    "FROM of nothing": b"FROM\n",
    "FROM of too much": b"FROM a b c d\n",
    "FROM of a stage without a name": b"FROM a AS\n",
    "FROM of a bad stage": b"FROM a AS 0\nFROM a AS ../x\n",
    "a name in capitals": b"FROM Node:20\n",
    "a name of two tags": b"FROM node:20:21\n",
    "a digest that is none": b"FROM node@sha256:abc\nRUN x\n",
    "an address for a name": b"FROM https://example.invalid/image:1\n",
    "an argument without a value": b"ARG V\nFROM node:$V-alpine\nRUN x\n",
    "an argument without a value alone": b"ARG V\nFROM $V\n",
    "an argument of a copy": b"ARG V\nFROM a\nCOPY --from=$V x y\n",
    "an argument that is required": b"FROM node:${V:?must be given}\n",
    "an argument of itself": b"ARG A=$A$A\nARG A=$A$A\nFROM a$A\n",
    "arguments that double": b"ARG A=aaaaaaaaaa\n" + b"ARG A=$A$A\n" * 14 + b"FROM $A\n",
    "braces in braces": b"FROM " + b"${A:-" * _DEEP + b"a" + b"}" * _DEEP + b"\n",
    "braces without an end": b"FROM ${A\nFROM ${\nFROM $\nFROM ${A:\nFROM ${A/b/c}\nFROM ${A#[}\n",
    "patterns that explode": b"ARG A=aaaaaaaaaaaaaaaaaaaaaaaaaaa\nFROM ${A/*a*a*a*a*b/x}\n",
    "a frontend that is none": b"# syntax=:::\nFROM a\n",
    "a directive twice": b"# syntax=a\n# syntax=b\nFROM a\n",
    "an escape that is none": b"# escape=x\nFROM a\n",
    "an escape at the end": b"FROM a\nRUN x \\",
    "quotes without an end": b"FROM a\nRUN echo 'x\nENV A=\"b\nLABEL x='\n",
    "JSON without an end": b'FROM a\nRUN ["a", "b"\nCMD ["a",]\nCOPY ["a"\nENTRYPOINT [1, 2]\n',
    "JSON in JSON": b"FROM a\nRUN " + b"[" * 200_000 + b"\nCOPY " + b"[" * 200_000 + b"\n",
    "JSON of half letters": b'FROM a\nRUN ["\\ud800", "npm", "ci"]\nCOPY ["\\udcff", "/\\ud800"]\n',
    "JSON of nothing": b'FROM a\nRUN []\nRUN [""]\nRUN ["sh", "-c"]\nRUN ["sh", "-c", ""]\nCOPY []\n',
    "flags that are none": b"FROM --platform a\nFROM --platform=$X/$Y a\nCOPY --chown --from=a b c\nRUN -- x\n"
    b'RUN --mount=type=bind,"a b\nRUN --mount=" x\nRUN --mount=type=cache,type=tmpfs,,=,=x y\n',
    "flags of the newest builders": b"FROM a\nCOPY --exclude=.env --parents --link --chmod=u+x . /x/\n"
    b"ADD --keep-git-dir=true --unpack https://example.invalid/x.git#main:sub /x\n"
    b"RUN --device=x --security=insecure --network=none y\n",
    "a here-document without an end": b"FROM a\nRUN <<EOF\nx\n",
    "here-documents in a row": b"FROM a\nRUN <<A <<-B 3<<'C' cat\na\nA\n\tb\n\tB\nc\nC\nCOPY <<D <<E /x/\nD\nE\n",
    "a here-document without a name": b"FROM a\nRUN <<\nRUN <<-\nRUN <<''\nRUN <<\"$X\"\nRUN cat <<<x\n",
    "a here-document of nothing": b"FROM a\nRUN <<EOF\nEOF\n",
    "ONBUILD in ONBUILD": b"FROM a AS b\nONBUILD\nONBUILD ONBUILD RUN x\nONBUILD FROM a\nONBUILD COPY --from=b . .\n"
    b"ONBUILD RUN <<EOF\nx\nEOF\nFROM b\n",
    "instructions of nothing": b"FROM a\nRUN\nCMD\nENV\nARG\nLABEL\nUSER\nWORKDIR\nEXPOSE\nVOLUME\nSHELL\nADD\n"
    b"COPY\nENTRYPOINT\nHEALTHCHECK\nSTOPSIGNAL\nMAINTAINER\n",
    "an instruction that is none": b"FROM a\nFOO bar\n--flag\n$X\n\xff\n",
    "ARG of odd names": b"ARG (=)\nARG a.b*c=[\nARG =\nARG A=1 B C='x y' \"D\nFROM a\nARG (GIT_SHA\nARG GIT_SHA=(\nRUN x\n",
    "addresses": b"FROM a\nADD https:// /x\nADD http://[::1 /x\nADD git@host:x.git /y\nADD s3://b/c /d\n",
    "paths out of the context": b"FROM a\nCOPY ../../etc/passwd /x\nCOPY /../../ /y\nCOPY [a-z /z\nCOPY **/ /w\n",
    "control characters": b"FROM a\nRUN echo \x1b[31m\x07\x08\x7f\nLABEL x=\x0b\x0c\n",
    "markup": b"FROM a AS x\nRUN <script>alert(1)</script> [/b][red] &amp;\nCOPY . .\n",
}
