"""Products and packing, compiled once and called by address from every kernel.

A function that a Numba kernel calls is compiled into it, once more for each kernel and for each kind of array: 0.3 s
a time. Here one piece of machine code serves all (passes.py); the functions below turn a kernel's array and an offset
into an address, and call it.

``addresses`` (of tile.tiles) carries what is called: [0, 0] the product, [0, 1] the packing, [rows, vectors] a tile.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchnn import jit

SIZE = types.intp


def _call(at, address, given):
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
    at.call(at.inttoptr(address, kind.as_pointer()), given)


def _arrays(context, at, signature, arguments):
    """Give a function that opens argument ``k``, an array."""
    return lambda k: context.make_array(signature.args[k])(context, at, arguments[k])


def _generate_product(context, at, signature, arguments):
    addresses, _, A, _, A_strip, _, A_k, P, _, P_panel, P_k, C, _, *rest = range(len(arguments))
    opened = _arrays(context, at, signature, arguments)
    table = opened(addresses).data

    def place(k):
        return at.gep(opened(k).data, [arguments[k + 1]])

    given = [
        table, place(A), *arguments[A_strip : A_k + 1], place(P), *arguments[P_panel : P_k + 1],
        place(C), *arguments[rest[0] :],
    ]  # fmt: skip
    _call(at, at.load(table), given)
    return context.get_dummy_value()


def one_row_into(x, W, y):
    """Fill y (M,) with the products of x (K,) and the rows of W (M, K): x @ W.T, where packing W would not pay."""
    for j in range(W.shape[0]):
        row, total = W[j], x.dtype.type(0)
        for k in range(x.shape[0]):
            total += x[k] * row[k]
        y[j] = total


one_row_into = jit.part(one_row_into, fastmath={"contract", "reassoc"})  # the sum in any order, so in vectors

if jit.PLAIN:

    def product_strips_into(
        addresses, lanes, A, A_at, A_strip, A_row, A_k, P, P_at, P_panel, P_k, C, C_at, C_row, M, N, K, add
    ):
        """Do what the compiled product does, number by number."""
        most, width = addresses.shape[0] - 1, (addresses.shape[1] - 1) * lanes
        A, P, C = A.reshape(-1), P.reshape(-1), C.reshape(-1)
        for m in range(M):
            row = A_at + m // most * A_strip + m % most * A_row
            for j in range(N):
                column = P_at + j // width * P_panel + j % width
                total = C[C_at + m * C_row + j] if add else C.dtype.type(0)
                for k in range(K):
                    total += A[row + k * A_k] * P[column + k * P_k]
                C[C_at + m * C_row + j] = total

    def product_at_into(addresses, lanes, A, A_at, A_row, A_k, P, P_at, P_panel, P_k, C, C_at, C_row, M, N, K, add):
        """Do the same, A's strips right below one another."""
        strip = (addresses.shape[0] - 1) * A_row
        product_strips_into(
            addresses, lanes, A, A_at, strip, A_row, A_k, P, P_at, P_panel, P_k, C, C_at, C_row, M, N, K, add
        )

    def pack_rows_into(addresses, P, P_row, B, B_at, B_k, B_column, K, N):
        """Do what the compiled packing does, number by number."""
        B, width = B.reshape(-1), P.shape[2]
        for k in range(K):
            for j in range(-(-N // width) * width):
                P[j // width, P_row + k, j % width] = B[B_at + k * B_k + j * B_column] if j < N else 0

else:

    @intrinsic
    def product_strips_into(
        typing, addresses, lanes, A, A_at, A_strip, A_row, A_k, P, P_at, P_panel, P_k, C, C_at, C_row, M, N, K, add
    ):
        """C[M, N] (+)= A[M, K] @ B[K, N] for arrays and offsets.

        A's rows stand in strips as high as a tile, ``A_strip`` apart; B's panels are ``P_panel`` apart, its rows
        ``P_k``: packed or as they are. ``A_at, P_at, C_at`` are the places of the first numbers.
        """
        signature = types.void(addresses, SIZE, A, *(SIZE,) * 4, P, *(SIZE,) * 3, C, *(SIZE,) * 6)
        return signature, _generate_product

    @intrinsic
    def product_at_into(
        typing, addresses, lanes, A, A_at, A_row, A_k, P, P_at, P_panel, P_k, C, C_at, C_row, M, N, K, add
    ):
        """Do as ``product_strips_into``; A's strips stand right below one another."""
        whole = types.void(addresses, SIZE, A, *(SIZE,) * 4, P, *(SIZE,) * 3, C, *(SIZE,) * 6)
        signature = types.void(addresses, SIZE, A, *(SIZE,) * 3, P, *(SIZE,) * 3, C, *(SIZE,) * 6)

        def generate(context, at, signature, arguments):
            rows = at.extract_value(context.make_array(addresses)(context, at, arguments[0]).shape, 0)
            strip = at.mul(at.sub(rows, rows.type(1)), arguments[4])
            return _generate_product(context, at, whole, [*arguments[:4], strip, *arguments[4:]])

        return signature, generate

    @intrinsic
    def pack_rows_into(typing, addresses, P, P_row, B, B_at, B_k, B_column, K, N):
        """Copy B[K, N], an element at ``B_at + k * B_k + j * B_column``, into the rows from ``P_row`` of panels P.

        P is (panels, rows, width); what lies behind column N of the last panel becomes 0. B_k or B_column is 1.
        """
        signature = types.void(addresses, P, SIZE, B, *(SIZE,) * 5)

        def generate(context, at, signature, arguments):
            opened = _arrays(context, at, signature, arguments)
            table, panels = opened(0), opened(1)
            rows, width = (at.extract_value(panels.shape, k) for k in (1, 2))
            target = at.gep(panels.data, [at.mul(arguments[2], width)])
            source = at.gep(opened(3).data, [arguments[4]])
            code = at.load(at.gep(table.data, [rows.type(1)]))
            _call(at, code, [width, target, at.mul(rows, width), source, *arguments[5:]])
            return context.get_dummy_value()

        return signature, generate
