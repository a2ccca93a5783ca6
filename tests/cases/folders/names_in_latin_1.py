"""Names of files and classes in an encoding that is not UTF-8."""

import os

SOURCE = "ahupp/python-magic#144"
OUTCOME = "warned"
SAYS = "files that are not taken as images: 2 *.t\\xfct"


def make(folder, save):
    for name, grey in (("cat", 10), (os.fsdecode(b"d\xf6g"), 20)):
        for i in range(4):
            save(folder / name / os.fsdecode(b"\xe4%d.png" % i), grey + i)
        (folder / name / os.fsdecode(b"a.t\xfct")).write_text("")


def expected():
    return {"all": [(label, grey + i) for label, grey in ((0, 10), (1, 20)) for i in range(4)]}
