"""What of a file's text counts: pairs of texts that are the same code, and pairs that aren't."""

import pytest

from smallbatch.core.syntax import syntax_of

SAME = {
    "comments": ("x = 1\n", "# why\nx = 1  # what\n"),
    "docstrings": ("def f():\n    return 1\n", '"""M."""\ndef f():\n    """F."""\n    return 1\n'),
    "a docstring in place of pass": (
        "class A(Exception):\n    pass\n",
        'class A(Exception):\n    """A."""\n',
    ),
    "layout": ("x = f(1, 'a', 1000.0)\n", 'x = f(\n    1,\n    "a",\n    1_000.0,\n)\n\n\n'),
    "brackets": ("x = a * b + c\n", "x = ((a * b) + c)\n"),
    "annotations": (
        "def f(x, *y):\n    z = x\n    return z\n",
        "def f(x: int, *y: A) -> B:\n    z: C = x\n    return z\n",
    ),
    "annotations of attributes": (
        "def f(self):\n    self.x = 1\n",
        "def f(self):\n    self.x: int = 1\n    y: int\n",
    ),
    "imports for annotations": (
        "def f(x): ...\n",
        "import numpy as np\ndef f(x: np.ndarray): ...\n",
    ),
    "the order of imports": ("import b\nimport a\na.f(b.g)\n", "import a\nimport b\na.f(b.g)\n"),
    "the place of imports": (
        "import a\ndef f():\n    a.f()\n",
        "def f():\n    import a\n    a.f()\n",
    ),
    "names given by as": (
        "import numpy as np\nnp.e + f(np=1)\n",
        "import numpy\nnumpy.e + f(np=1)\n",
    ),
}
OTHER = {
    "an operator": ("x = a + b\n", "x = a - b\n"),
    "a comparison": ("x = a < b\n", "x = a <= b\n"),
    "a number": ("x = 1\n", "x = 2\n"),
    "a number's type": ("x = 1\n", "x = 1.0\n"),
    "a truth": ("x = 1\n", "x = True\n"),
    "text or bytes": ("x = ''\n", "x = b''\n"),
    "a sign that can't be printed everywhere": ("x = '\U0001fae8'\n", "x = '\U0001fae9'\n"),
    "None in a case": ("match x:\n    case None: y = 1\n", "match x:\n    case _: y = 1\n"),
    "the order of statements": ("f()\ng()\n", "g()\nf()\n"),
    "a key of a dictionary": ("x = {'a': 1}\n", "x = {'b': 1}\n"),
    "what is unpacked in a dictionary": ("x = {**a, b: c}\n", "x = {a: c, **b}\n"),
    "a default": ("def f(x, y=1): ...\n", "def f(x=1, y=1): ...\n"),
    "a default of a keyword": ("def f(*, x, y=1): ...\n", "def f(*, x=1, y): ...\n"),
    "a decorator": ("def f(): ...\n", "@g\ndef f(): ...\n"),
    "an attribute": ("x = a.b\n", "x = a.c\n"),
    "a format": ("x = f'{a:.3f}'\n", "x = f'{a:.4f}'\n"),
    "where a block ends": ("if a:\n    f()\n    g()\n", "if a:\n    f()\ng()\n"),
    "a field of a class": (
        "@dataclass\nclass A:\n    x: int\n",
        "@dataclass\nclass A:\n    x: float\n",
    ),
    "a field of a class or a variable": ("class A:\n    x: int = 1\n", "class A:\n    x = 1\n"),
    "annotations that a decorator may read": (
        "@f.register\ndef _(x: int): ...\n",
        "@f.register\ndef _(x: str): ...\n",
    ),
    "where a name comes from": ("from a import f\nf()\n", "from b import f\nf()\n"),
    "which name is imported": ("from a import f as g\ng()\n", "from a import h as g\ng()\n"),
    "which of two is used": (
        "from a import f, g\nf(1)\ng(2)\n",
        "from a import f, g\ng(1)\nf(2)\n",
    ),
    "an import that others use": ("x = 1\n", "from a import f\nx = 1\n"),
    "an argument that hides an import": (
        "import f\ndef h(g):\n    return f\n",
        "import g\ndef h(g):\n    return g\n",
    ),
    "imports of one name in two functions": (
        "def f():\n    from a import x\n    x()\ndef g():\n    from b import x\n    x()\n",
        "def f():\n    from b import x\n    x()\ndef g():\n    from a import x\n    x()\n",
    ),
}

EVERYTHING = r"""
from . import x
from ..y import *
async def f(a, /, b: int = 1, *c, d=..., **e) -> None:
    global g
    async with a as h, b:
        async for i, *j in k:
            await l
    return [m async for m in n if o], {p: q for p in r}, {*s}, (t for t in u)
def v(*, w, x=2j):
    nonlocal_ = lambda y, *z: (yield from y) or (a := b) if not c else -d ** e // f @ g
    try:
        raise h from None
    except* (i, j) as k:
        del l[1:2, ::3], m.n
    else:
        assert o, p
    finally:
        while q: break
        else: continue_ = 1e999, 0x1F, 1_0, u"r" "s" if 0 else rb"t" b"u"
    return f"{v}" "w" f"{x!r:>{y}.3f}{z=}" 'a' f"{{b}}" f"" f'{c["d"]:{e}{f}}' "\N{BULLET}\x7f\u2028"
@g.h(i)
class J(K, metaclass=L):
    m: int
    (n): "o" = 1
    def p(self, q: r): self.s: t = u; v: w
match x:
    case {"a": 1, **b} | [c, *_] | D(e, f=None) | (-1 | "g" as h) if i: pass
    case j.k: x[y] += 1; x <<= y; a is not b not in c <= d
"""


def code(text: str) -> tuple:
    syntax = syntax_of(text.encode())
    return syntax.digest, sorted(syntax.references, key=lambda one: one[0])


@pytest.mark.parametrize("what", SAME)
def test_does_not_count(what):
    one, two = SAME[what]
    assert code(one) == code(two)


@pytest.mark.parametrize("what", OTHER)
def test_counts(what):
    one, two = OTHER[what]
    assert code(one) != code(two)


def test_the_digest_is_the_same_on_every_version_of_python():
    assert syntax_of(EVERYTHING.encode()).digest == "6dbbb55a07a95fae829431ccfb097626"
