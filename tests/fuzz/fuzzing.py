"""`python -m tests.fuzz.fuzzing TARGET [OPTION ...]`: fuzzes one target with atheris, as options of libFuzzer say."""

import sys

import atheris

INSTRUMENTED = ["tidegate", "h11", "h2", "hpack", "hyperframe", "dns", "yaml", "email"]
"""Tidegate, and what parses for it: without the latter, the fuzzer would not find what comes after it."""

with atheris.instrument_imports(include=INSTRUMENTED):
    from tests.fuzz.registry import load

    atheris.Setup([sys.argv[0], *sys.argv[2:]], load(sys.argv[1]).target)
    atheris.Fuzz()  # here, so that modules are instrumented that are imported late, too; never returns
