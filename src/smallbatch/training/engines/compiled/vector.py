"""Arithmetic on LANES numbers at once as LLVM vectors, because Numba does not vectorise it
automatically.

Channels are contiguous in memory and padded to a multiple of LANES, so every layer is a loop over
whole vectors. Each kernel below defines the operation on one vector.
"""

import llvmlite.ir as ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 8  # numbers in a vector
# The compiler may fuse a product and a sum into one instruction; NaN and inf are preserved.
FLAGS = (
    "contract",
    "nsz",
)


def pointer(context, builder, array_type, array, offset, type_):
    """A pointer of type `type_` to element `offset` (an LLVM integer) of a one-dimensional
    array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), type_.as_pointer())


def load(builder, place, align: int):
    value = builder.load(place)
    value.align = align
    return value


def store(builder, value, place, align: int) -> None:
    builder.store(value, place).align = align


def spread(builder, scalar, row: ir.VectorType):
    """A vector with `scalar` in every lane."""
    one = builder.insert_element(
        ir.Constant(row, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
    )
    first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(row, ir.Undefined), first)


def each(vector_function, inputs: int, scalars: int = 0, outputs: int = 1):
    """A Numba function that applies `vector_function` to one vector after another.

    It takes a tuple: an array and an offset for each of `inputs`, then `scalars` floats, then an
    array and an offset for each of `outputs`, then the number of elements (a multiple of LANES). An
    output can be an input. `vector_function(builder, *inputs, *scalars)` returns the output vector
    (or a tuple of several).
    """

    @intrinsic
    def kernel(typing, arguments):
        taken = list(arguments.types)
        number = taken[0].dtype

        def generate(context, builder, signature, packed):
            values = cgutils.unpack_tuple(builder, packed[0])
            element = context.get_value_type(number)
            row, align = ir.VectorType(element, LANES), number.bitwidth // 8
            last = values[-1]
            scalar = [
                spread(
                    builder,
                    context.cast(builder, values[2 * inputs + s], taken[2 * inputs + s], number),
                    row,
                )
                for s in range(scalars)
            ]
            step = ir.Constant(last.type, LANES)
            with cgutils.for_range_slice(
                builder, ir.Constant(last.type, 0), last, step, last.type
            ) as (i, _):

                def place(at):
                    offset = builder.add(
                        context.cast(builder, values[at + 1], taken[at + 1], types.int64), i
                    )
                    return pointer(context, builder, taken[at], values[at], offset, row)

                vectors = [load(builder, place(2 * n), align) for n in range(inputs)]
                made = vector_function(builder, *vectors, *scalar)
                made = made if isinstance(made, tuple) else (made,)
                for n, vector in enumerate(made):
                    store(builder, vector, place(2 * inputs + scalars + 2 * n), align)
            return context.get_dummy_value()

        return types.void(arguments), generate

    return kernel


def plus(b, x, y):
    return b.fadd(x, y, flags=FLAGS)


def minus(b, x, y):
    return b.fsub(x, y, flags=FLAGS)


def times(b, x, y):
    return b.fmul(x, y, flags=FLAGS)


def zero(x):
    return ir.Constant(x.type, [0.0] * LANES)


def positive(b, x):
    """max(x, 0); propagates NaN."""
    return b.select(b.fcmp_ordered("<", x, zero(x)), zero(x), x)


def larger(b, x, y):
    """max(x, y), or `x` if they are equal; propagates NaN."""
    return b.select(b.or_(b.fcmp_ordered(">", y, x), b.fcmp_unordered("uno", y, y)), y, x)


def where_positive(b, gradient, y):
    """The gradient of the input of a ReLU with output `y`."""
    return b.select(b.fcmp_ordered("<=", y, zero(y)), zero(y), gradient)


def back_to_largest(b, x0, x1, x2, x3, y, gradient):
    """Four gradients: `gradient` for the first input that equals the maximum `y`, zero for the
    others."""
    taken, found = None, []
    for x in (x0, x1, x2, x3):
        here = b.fcmp_ordered("==", x, y)
        first = here if taken is None else b.and_(here, b.not_(taken))
        taken = here if taken is None else b.or_(taken, here)
        found.append(b.select(first, gradient, zero(gradient)))
    return tuple(found)


def to_equal(b, x, y, left, into):
    """Add the gradient `left` to `into` where `x` equals the maximum `y`; returns the sum and the
    remaining gradient."""
    here = b.fcmp_ordered("==", x, y)
    return plus(b, into, b.select(here, left, zero(left))), b.select(here, zero(left), left)


def deviations(b, total, squares, x, shift):
    """Add x - shift and its square to two sums."""
    away = minus(b, x, shift)
    return plus(b, total, away), plus(b, squares, times(b, away, away))


def products(b, total, dots, gradient, x, mean):
    """Add the gradient and gradient·(x - mean) to two sums."""
    return plus(b, total, gradient), plus(b, dots, times(b, gradient, minus(b, x, mean)))


copy = each(lambda b, x: x, 1)
add = each(plus, 2)
relu = each(positive, 1)
relu_backward = each(where_positive, 2)
affine = each(lambda b, x, scale, shift: plus(b, times(b, x, scale), shift), 3)
affine_relu = each(lambda b, x, scale, shift: positive(b, plus(b, times(b, x, scale), shift)), 3)
add_deviations = each(deviations, 4, 0, 2)
add_products = each(products, 5, 0, 2)
norm_backward = each(
    lambda b, g, x, mean, c0, c1, c2: plus(
        b, plus(b, times(b, c0, g), times(b, c1, minus(b, x, mean))), c2
    ),
    6,
)
largest = each(lambda b, x0, x1, x2, x3: larger(b, larger(b, larger(b, x0, x1), x2), x3), 4)
largest_backward = each(back_to_largest, 6, 0, 4)
larger_of_two = each(larger, 2)
give_to_largest = each(to_equal, 4, 0, 2)
scaled = each(times, 1, 1)
sgd_step = each(lambda b, p, step, lr: minus(b, p, times(b, step, lr)), 2, 1)
decayed = each(lambda b, gradient, p, decay: plus(b, gradient, times(b, p, decay)), 2, 1)
momentum_step = each(lambda b, v, gradient, mu: plus(b, times(b, v, mu), gradient), 2, 1)
