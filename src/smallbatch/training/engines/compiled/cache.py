"""Numba's compiler, with results cached in the user's cache folder (`ready.py`).

Compiling takes about 13 s on one core, loading compiled code 0.2 s.
"""

import contextlib
import hashlib
import pickle
from typing import Any

from numba import njit
from numba.core import caching, serialize

from smallbatch.training.engines.compiled.ready import folder

OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": False, "nogil": True}
# The compiler may fuse a product and a sum into one instruction, but not reorder operations, so
# that the bits do not depend on the compiler.
OPTIONS["fastmath"] = {"contract", "nsz"}


def jit(function):
    """Compile a function that only compiled functions call; it is cached as part of them."""
    return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)  # type: ignore[call-overload]  # missing in Numba's stubs


def kept_jit(function):
    """Compile a function and cache the result for other processes."""
    compiled = njit(**OPTIONS)(function)
    with contextlib.suppress(Exception):  # if Numba's cache classes change, each process compiles
        compiled._cache = _Cache(function)
    return compiled


class _Place(caching._CacheLocator):
    def __init__(self, function, file):
        self._py_file, self._folder = file, folder()

    def get_cache_path(self):
        return str(self._folder)

    def get_source_stamp(self):
        return self._folder.name

    def get_disambiguator(self):
        return "0"

    @classmethod
    def from_function(cls, function, file):
        place = cls(function, file)
        place.ensure_cache_path()
        return place


class _Pieces(caching.CompileResultCacheImpl):
    _locator_classes = [_Place]  # noqa: RUF012


class _File(caching.IndexDataCacheFile):
    """Cached code with a checksum, so that damaged code never runs.

    Files are named by a digest of the signature. Numba numbers them instead: two processes that
    compile for different types at the same time would use the same number, and one would run the
    code of the other.
    """

    def save(self, key, data):
        overloads = self._load_index()
        name = hashlib.blake2b(repr(key).encode(), digest_size=8).hexdigest()
        overloads[key] = f"{self._index_name.removesuffix('.nbi')}.{name}.nbc"
        self._save_data(overloads[key], data)
        self._save_index(overloads)

    def _save_data(self, name, data):
        code = serialize.dumps(data)
        super()._save_data(name, (hashlib.blake2b(code).digest(), code))

    def _load_data(self, name):
        checksum, code = super()._load_data(name)
        if hashlib.blake2b(code).digest() != checksum:
            raise ValueError(f"{name} is damaged")
        return pickle.loads(code)


class _Cache(caching.FunctionCache):
    _impl_class = _Pieces

    def __init__(self, function):
        super().__init__(function)
        self._cache_file = _File(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    @contextlib.contextmanager
    def _guard_against_spurious_io_errors(self):
        """Recompile code that cannot be loaded, and continue if it cannot be saved."""
        try:
            yield
        except Exception as error:  # a damaged pickle can raise almost any error
            if not isinstance(error, OSError):
                with contextlib.suppress(OSError):
                    self.flush()
