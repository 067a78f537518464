"""Fuzzing of everything that reads what others wrote: settings, requests, answers, objects of Kubernetes, the link.

**Run it.** `make fuzz` fuzzes all targets for two minutes in all, `make fuzz SECONDS=3600` for an hour, and
`python -m tests.fuzz --target probe_grpc --seconds 300` one of them. A table at the end says what happened. After a crash
the exit code is 1, and the line below the table runs the input again. The log of a target, and what was found for it, are in
`.fuzz/`.

**Add a target.** A target is a file in `targets/` with one function, and a line in `registry.py`:

    \"\"\"The greeting of a POP3 server.\"\"\"

    from tests.fuzz.probing import probe


    def target(data: bytes) -> None:
        \"\"\"Probe a peer that says this.\"\"\"
        probe("pop3", data)

The function hands the bytes to the reader by its public seam, as its callers do. It lets pass the errors that the reader
documents, and no others. It asserts what always holds: a value that is written reads back as itself, a reason is one
printable line that shows no secret, a result has bounds. A hang is a failure by itself (10 seconds for an input, 5 for a
wait on a peer, which has said everything), and so is too much memory. `WORDS` of the module, if there are any, help the
fuzzer to write inputs; good seeds help more.

**Seeds.** `corpus/TARGET/` has a few small inputs, which `make test` runs through the target without a fuzzer. Those with
names were made by hand: one for each kind of answer, good or bad. Those named by a hash were found, and add coverage:
`python -m tests.fuzz --keep` chooses them.

**After a crash.** Find out whether the reader is wrong or the target. A reader is mended at the cause; the input, made
small, becomes a test with a name beside the other tests of that module.

What has a structure that mutated bytes seldom keep is tested by properties in `test_properties.py`.
"""
