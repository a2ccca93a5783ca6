"""Numba's compiler, with its results kept in the user's cache folder (`ready.py`).

Compiling takes some 13 s of one core, loading what was compiled 0.2 s.
"""

import contextlib
import hashlib
import pickle
from typing import Any

from numba import njit
from numba.core import caching, serialize

from smallbatch.training.engines.compiled.ready import folder

OPTIONS: dict[str, Any] = {"error_model": "numpy", "boundscheck": False, "nogil": True}
# A product and a sum may become one instruction; nothing is reordered, so that the bits do not
# depend on the compiler.
OPTIONS["fastmath"] = {"contract", "nsz"}


def jit(function):
    """Compile a function that compiled functions call; it is kept as a part of them."""
    return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)  # type: ignore[call-overload]  # missing in Numba's stubs


def kept_jit(function):
    """Compile a function and keep the result for other processes."""
    compiled = njit(**OPTIONS)(function)
    with contextlib.suppress(
        Exception
    ):  # Numba's own cache classes may change: then each process compiles
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
    """Kept code with its checksum: what a disk has damaged must not run.

    A file is named by the signature whose code it holds. Numba counts them: two processes that
    compile for different types at the same time take the same number, and one would run the other's
    code.
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
        """Compile again what can't be read, and go on where it can't be kept."""
        try:
            yield
        except Exception as error:  # a damaged pickle raises almost anything
            if not isinstance(error, OSError):
                with contextlib.suppress(OSError):
                    self.flush()
