"""Plants bugs and says which of them no test notices: `make mutants`.

    make mutants                           40 mutants of each part, and the list of planted bugs
    make mutants SAMPLE=100 PART=core      more of one part
    make mutants SEED=7                    another sample; the same seed chooses the same mutants of the same sources
    make mutants PART=planted              the list alone

A mutant is a copy of a module with one small mistake: a comparison moved by one, a condition turned round, a statement left
out, two arguments swapped (`operators`). It is planted in a copy of the tree in a temporary folder, never in the working
tree (`copies`). First the tests of its module run, then those of the area (`parts`), until some fail or hang: then it is
caught. No mutants are made of types, assertions, decorators, prose, f-strings, and `strict=` of zip.

What to do with a survivor, which is printed as a patch:

- It does something wrong: write the test that notices it, named by the behaviour, in the test file of its module.
- It does nothing wrong, as the code that it changes is not needed: simplify the code.
- Nothing can observe it, like another size of a batch: add its line and change to `equivalents.yaml`, with the reason. An
  entry whose line has changed since is reported, and the run fails.

`planted.yaml` lists bugs that no test noticed once, as pieces of text and what to write in their place. Add one when a bug
in production or in review has shown that a test was missing.

A run fails when a part scores below 95 % of what is not equivalent. Tests that need the machine to be quick may fail for
another reason than the mutant, which then counts as caught: run it with little else, and JOBS=2 only on an idle machine.

Why not cosmic-ray or mutmut? cosmic-ray changes the working tree, knows one test command for all modules, leaves no
statement out and swaps no arguments. mutmut mutates the bodies of undecorated functions alone, and settings and metrics are
tables in the bodies of classes and modules.
"""
