"""A study file that an editor saved as UTF-8 with BOM."""

SOURCE = "Nayjest/lm-proxy#79"
OUTCOME = "refused"
SAYS = "mine/study/t.yaml: it begins with a byte-order mark; save it as UTF-8 without one"


def run(user):
    user.study("t")
    path = user.path("mine/study/t.yaml")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    user.plan("study=t", "conf=mine")
